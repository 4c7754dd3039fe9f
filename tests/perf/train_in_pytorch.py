#!/usr/bin/python3
"""CNV and DoReFa-Net trained by plain PyTorch: what stuckat's trainer is compared with.

train_in_pytorch.py time   [--threads N] [--width X]   one training step for each line of standard
                           input, and for each a line with its seconds by the wall and of the
                           processors
train_in_pytorch.py losses FILE      prints FILE with the first ten losses for each of its lines

A line of FILE begins with: cnv or dorefa; bits of weights; bits of activations; channel, pixel or element to
overwrite 20 % of them with levels after every activation or pool (FAT), or -; 1 to drop them
instead, as torch.nn.Dropout and Dropout2d do, or 0.

Recipe and layers are trainer/model.h's: quantizers with straight-through gradients, batch-norm,
ADAM, squared hinge loss, latent weights clipped to [-1, 1]. Weights, images and their order come
from the trainer's random numbers (trainer/random.h), so that both train the same network.
"""
import argparse
import sys
import time

try:
    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    print("PyTorch is not installed (Debian: python3-torch)", file=sys.stderr)
    sys.exit(3)

WEIGHTS, ORDER, INJECTION = 1, 2, 4  # Purpose in trainer/random.h
PERCENT = 20  # of injected positions
U64 = np.uint64


def mix(z):
    z = (z ^ (z >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U64(27))) * U64(0x94D049BB133111EB)
    return z ^ (z >> U64(31))


def uniform(count, seed, purpose, a=0, b=0):
    """The first `count` numbers of Sequence(seed, purpose, a, b)."""
    with np.errstate(over="ignore"):
        key = U64(seed + 1)
        for part in (purpose, a, b):
            key = mix(key) + U64(part)
        positions = np.arange(1, count + 1, dtype=U64)
        drawn = mix(mix(key) + positions * U64(0x9E3779B97F4A7C15))
    return (drawn >> U64(11)).astype(np.float64) * 2.0**-53


class Sign(torch.autograd.Function):
    """+1 where x >= 0 (weights) or x > 0 (activations); the gradient passes where |x| <= 1."""

    @staticmethod
    def forward(ctx, x, zero):
        ctx.save_for_backward(x)
        y = torch.sign(x)
        y[y == 0] = zero
        return y

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1), None


class Levels(torch.autograd.Function):
    """{low*n .. n} / n; the gradient passes where low <= x <= 1."""

    @staticmethod
    def forward(ctx, x, n, low):
        ctx.save_for_backward(x)
        ctx.low = low
        return torch.round(torch.clamp(x, low, 1) * n) / n

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        # An end itself passes, although the tie below was taken from it.
        return gradient * ((ctx.low - 1e-8 <= x) & (x <= 1 + 1e-8)), None, None


def quantize(x, bits, zero, unsigned=False):
    if unsigned:  # DoReFa-Net
        return Levels.apply(x, 2 ** bits - 1, 0)
    return Sign.apply(x, zero) if bits == 1 else Levels.apply(x, 2 ** (bits - 1) - 1, -1)


def inject(x, kind, drop, bits, step, tensor, unsigned=False):
    """Eq. 1 to 5 of the FAT paper, or Dropout, with the trainer's draws."""
    samples, channels, height, width = x.shape
    shape = {"channel": (1, channels), "pixel": (height * width, 1),
             "element": (height * width, channels)}[kind]
    drawn = uniform(samples * shape[0] * shape[1], 1, INJECTION, step, tensor)
    r = torch.from_numpy(drawn).to(x.dtype).reshape(samples, *shape).transpose(1, 2)
    rows, columns = (height, width) if kind != "channel" else (1, 1)
    r = r.reshape(samples, shape[1], rows, columns)
    hit = r < PERCENT / 100
    if drop:
        return x * (~hit).to(x.dtype) / (1 - PERCENT / 100)
    n = max(1, 2 ** (bits - 1) - 1)
    levels = torch.tensor([-1, 1] if bits == 1 else range(-n, n + 1), dtype=x.dtype) / n
    if unsigned:
        n = 2 ** bits - 1
        levels = torch.tensor(range(n + 1), dtype=x.dtype) / n
    number = torch.clamp((r / (PERCENT / 100) * len(levels)).long(), max=len(levels) - 1)
    return torch.where(hit.expand_as(x), levels[number].expand_as(x), x)


def pool(kernel, stride):
    return "pool", kernel, stride, 0


def conv(rows, kernel=3, stride=1, padding=0):
    return rows, kernel, stride, padding


def dense(rows):
    return rows, None, 1, 0


# Rows, kernel (None: dense), stride, padding of each layer.
NETWORKS = {
    "cnv": [conv(64), conv(64), pool(2, 2), conv(128), conv(128), pool(2, 2), conv(256), conv(256),
            dense(512), dense(512), dense(None)],
    "dorefa": [conv(96, 12, 4, 2), conv(256, 5, 1, 2), pool(3, 2), conv(384, 3, 1, 1), pool(3, 2),
               conv(384, 3, 1, 1), conv(256, 3, 1, 1), pool(3, 2), dense(4096), dense(4096),
               dense(None)],
}
SIDE = {"cnv": 32, "dorefa": 96}  # of images
WIDTH = {"cnv": 1 / 8, "dorefa": 1 / 32}  # of networks whose losses are compared


class Network(nn.Module):
    def __init__(self, name, width, weight_bits, activation_bits, seed, dtype):
        super().__init__()
        self.layers, self.unsigned = NETWORKS[name], name == "dorefa"
        self.weight_bits, self.activation_bits, self.tie = weight_bits, activation_bits, 0
        self.weights, self.norms = nn.ParameterList(), nn.ModuleList()
        channels, side = 3, SIDE[name]
        for index, (rows, kernel, stride, padding) in enumerate(self.layers):
            if rows == "pool":
                side = (side - kernel) // stride + 1
                continue
            # A dense layer reads its input pixel by pixel, the channels of each together.
            kernel = kernel or side
            rows = 10 if rows is None else round(rows * width)
            drawn = uniform(rows * kernel * kernel * channels, seed, WEIGHTS, index)
            latent = torch.from_numpy((2 * drawn - 1).astype(np.float32)).to(dtype)
            latent = latent.reshape(rows, kernel, kernel, channels).permute(0, 3, 1, 2)
            self.weights.append(nn.Parameter(latent.clone()))
            self.norms.append(nn.BatchNorm2d(rows, eps=1e-4))
            side = (side + 2 * padding - kernel) // stride + 1
            channels = rows
        self.norms[-1] = nn.BatchNorm2d(1, eps=1e-4)  # one for all logits
        self.to(dtype)

    def forward(self, x, overwrite=lambda x, tensor: x):
        """overwrite: what is done to tensor number t, after a layer and its pool."""
        parameters = zip(self.weights, self.norms)
        for index, (rows, kernel, stride, padding) in enumerate(self.layers):
            if rows == "pool":
                x = F.max_pool2d(x, kernel, stride)
            else:
                latent, norm = next(parameters)
                outer = self.unsigned and (index == 0 or rows is None)
                weight = quantize(latent, 8 if outer else self.weight_bits, 1)
                if kernel is None:
                    x = F.linear(x.flatten(1), weight.flatten(1))[:, :, None, None]
                else:
                    x = F.conv2d(x, weight, stride=stride, padding=padding)
                if rows is None:
                    return norm(x.reshape(-1, 1, 1, 1)).reshape(x.shape[:2])
                x = norm(x) if self.tie == 0 else norm(x) - self.tie
                x = quantize(x, self.activation_bits, -1, self.unsigned)
            if self.layers[index + 1][0] != "pool":
                x = overwrite(x, index + 1)


def squared_hinge(logits, labels):
    targets = -torch.ones_like(logits)
    targets[torch.arange(len(labels)), labels] = 1
    return torch.clamp(1 - targets * logits, min=0).square().mean()


def step(network, optimizer, images, labels, *overwrite):
    optimizer.zero_grad(set_to_none=True)
    loss = squared_hinge(network(images, *overwrite), labels)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for w in network.weights:
            w.clamp_(-1, 1)
    return loss.item()


def images_of(count, seed, dtype, side):
    """[count][3][side][side] of x / 128, x = floor(256 u) - 128, u drawn in the order image, row,
    column, channel; image n has label n mod 10."""
    drawn = uniform(count * side * side * 3, seed, ORDER)
    values = (np.floor(drawn * 256) - 128) / 128
    images = torch.from_numpy(values.reshape(count, side, side, 3)).permute(0, 3, 1, 2).to(dtype)
    return images.contiguous(), torch.arange(count) % 10


def print_times(options):
    torch.set_num_threads(options.threads)
    network = Network("cnv", options.width, 1, 1, 1, torch.float32)
    images, labels = images_of(100, 1, torch.float32, 32)
    if options.channels_last:
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    step(network, optimizer, images, labels)  # takes the memory
    for _ in sys.stdin:
        wall, cpu = time.monotonic(), time.process_time()
        step(network, optimizer, images, labels)
        print(time.monotonic() - wall, time.process_time() - cpu, flush=True)


def losses(name, weight_bits, activation_bits, kind, drop):
    # In double precision: what differs from the trainer is the trainer's rounding alone.
    network = Network(name, WIDTH[name], weight_bits, activation_bits, 1, torch.float64)
    # What lies exactly between two levels takes the lower one, although the mean was rounded.
    network.tie = 1e-9
    images, labels = images_of(40, 1, torch.float64, SIDE[name])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    for i in range(10):
        def overwrite(x, tensor):
            if kind == "-":
                return x
            return inject(x, kind, drop, activation_bits, i, tensor, network.unsigned)

        batch = slice(20 * (i % 2), 20 * (i % 2) + 20)
        yield step(network, optimizer, images[batch], labels[batch], overwrite)


def print_losses(options):
    with open(options.file, encoding="ascii") as file:
        for line in file:
            words = line.split()[:5]
            if line.startswith("#"):
                print(line, end="")
                continue
            settings = words[0], int(words[1]), int(words[2]), words[3], int(words[4])
            print(*words, *(repr(loss) for loss in losses(*settings)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["time", "losses"])
    parser.add_argument("file", nargs="?")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=float, default=1)
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    if options.what == "time":
        print_times(options)
    elif options.file is None:
        parser.error("losses: which file?")
    else:
        print_losses(options)


if __name__ == "__main__":
    main()
