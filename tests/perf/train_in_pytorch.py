#!/usr/bin/python3
"""CNV trained by plain PyTorch: what stuckat's trainer is compared with.

train_in_pytorch.py time   [--threads N] [--width X]   one training step for each line of standard
                           input, and for each a line with its seconds by the wall and of the
                           processors
train_in_pytorch.py losses [--width X]                 the first ten losses

Both take --weights N and --activations N, numbers of bits.

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

WEIGHTS, ORDER = 1, 2  # Purpose in trainer/random.h
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
    """{-n .. n} / n; the gradient passes where |x| <= 1."""

    @staticmethod
    def forward(ctx, x, n):
        ctx.save_for_backward(x)
        return torch.round(torch.clamp(x, -1, 1) * n) / n

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1), None


def quantize(x, bits, zero):
    return Sign.apply(x, zero) if bits == 1 else Levels.apply(x, 2 ** (bits - 1) - 1)


class Cnv(nn.Module):
    LAYERS = [64, 64, "pool", 128, 128, "pool", 256, 256, 512, 512, None]  # None: the classes

    def __init__(self, width, weight_bits, activation_bits, seed, dtype):
        super().__init__()
        self.weight_bits, self.activation_bits = weight_bits, activation_bits
        self.weights, self.norms = nn.ParameterList(), nn.ModuleList()
        channels, dense = 3, False
        for index, rows in enumerate(self.LAYERS):
            if rows == "pool":
                continue
            dense = dense or rows in (512, None)
            rows = 10 if rows is None else round(rows * width)
            size = 1 if dense else 3
            drawn = uniform(rows * size * size * channels, seed, WEIGHTS, index)
            latent = torch.from_numpy((2 * drawn - 1).astype(np.float32)).to(dtype)
            latent = latent.reshape(rows, size, size, channels).permute(0, 3, 1, 2)
            self.weights.append(nn.Parameter(latent.reshape(rows, -1) if dense else latent.clone()))
            self.norms.append(
                nn.BatchNorm1d(rows, eps=1e-4) if dense else nn.BatchNorm2d(rows, eps=1e-4))
            channels = rows
        self.norms[-1] = nn.BatchNorm1d(1, eps=1e-4)  # one for all logits
        self.to(dtype)

    def forward(self, x):
        parameters = zip(self.weights, self.norms)
        for rows in self.LAYERS:
            if rows == "pool":
                x = F.max_pool2d(x, 2)
                continue
            latent, norm = next(parameters)
            weight = quantize(latent, self.weight_bits, 1)
            x = F.linear(x.flatten(1), weight) if latent.dim() == 2 else F.conv2d(x, weight)
            if rows is None:
                return norm(x.reshape(-1, 1)).reshape(x.shape)
            x = quantize(norm(x), self.activation_bits, -1)


def squared_hinge(logits, labels):
    targets = -torch.ones_like(logits)
    targets[torch.arange(len(labels)), labels] = 1
    return torch.clamp(1 - targets * logits, min=0).square().mean()


def step(network, optimizer, images, labels):
    optimizer.zero_grad(set_to_none=True)
    loss = squared_hinge(network(images), labels)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for w in network.weights:
            w.clamp_(-1, 1)
    return loss.item()


def images_of(count, seed, dtype):
    """[count][3][32][32] of x / 128, x = floor(256 u) - 128, u drawn in the order image, row,
    column, channel; image n has label n mod 10."""
    drawn = uniform(count * 32 * 32 * 3, seed, ORDER)
    values = (np.floor(drawn * 256) - 128) / 128
    images = torch.from_numpy(values.reshape(count, 32, 32, 3)).permute(0, 3, 1, 2).to(dtype)
    return images.contiguous(), torch.arange(count) % 10


def print_times(options):
    torch.set_num_threads(options.threads)
    network = Cnv(options.width, options.weights, options.activations, 1, torch.float32)
    images, labels = images_of(100, 1, torch.float32)
    if options.channels_last:
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    step(network, optimizer, images, labels)  # takes the memory
    for _ in sys.stdin:
        wall, cpu = time.monotonic(), time.process_time()
        step(network, optimizer, images, labels)
        print(time.monotonic() - wall, time.process_time() - cpu, flush=True)


def print_losses(options):
    # In double precision: what differs from the trainer is the trainer's rounding alone.
    network = Cnv(options.width, options.weights, options.activations, 1, torch.float64)
    images, labels = images_of(40, 1, torch.float64)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    for i in range(10):
        batch = slice(20 * (i % 2), 20 * (i % 2) + 20)
        print(repr(step(network, optimizer, images[batch], labels[batch])))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["time", "losses"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=float, default=1)
    parser.add_argument("--weights", type=int, default=1, help="bits")
    parser.add_argument("--activations", type=int, default=1, help="bits")
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    print_times(options) if options.what == "time" else print_losses(options)


if __name__ == "__main__":
    main()
