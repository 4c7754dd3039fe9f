#!/usr/bin/python3
"""Gradients under fixed faults by PyTorch's automatic differentiation: what the trainer's are
compared with.

gradients_in_pytorch.py FILE    prints FILE with the numbers of each case computed anew

A case is: a line `network NAME WEIGHT_BITS ACTIVATION_BITS`, its faults one a line (see Faults),
then the numbers: `loss L`, and for each layer with weights `gradient LAYER NORM P1 P2 GAMMA BETA`:
norm of the weights' gradient, its products with two random vectors, and those of the gradients of
gamma and beta with the first of them.

What is stated here, and differentiated: a value that a fault decides is a constant. A sum that a
broken window or operator changes passes its gradient as the healthy sum would, and so does a value
after a patched threshold. A row that is broken at every pixel is a constant. A patched weight and
an operand that is held wrongly are constants.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "perf"))
from train_in_pytorch import (ORDER, SIDE, WIDTH, F, Network, images_of, np, quantize,  # noqa: E402
                              squared_hinge, torch, uniform)

BATCH = 20


def numbers(text):
    """Indices, or None for all."""
    return None if text == "*" else [int(x) for x in text.split(",")]


class Format:
    def __init__(self, bits):
        self.bits, self.binary = bits, bits == 1
        self.greatest = 1 if bits == 1 else 2 ** (bits - 1) - 1

    def stuck(self, values, bit, one):
        """Integer values with one bit of their codes stuck."""
        v = values.round().long()
        code = (v + 1) // 2 if self.binary else v & (2 ** self.bits - 1)
        code = code | (1 << bit) if one else code & ~(1 << bit)
        return self.value(code).to(values.dtype)

    def value(self, code):
        if self.binary:
            return 2 * code - 1
        half = 2 ** (self.bits - 1)
        return (code ^ half) - half


def selection(channels, pixels, count, height, width):
    """[1][channels][height][width] of what is selected."""
    mask = torch.zeros(1, count, height * width, dtype=torch.bool)
    c = torch.arange(count) if channels is None else torch.tensor(channels)
    p = torch.arange(height * width) if pixels is None else torch.tensor(pixels)
    mask[0, c[:, None], p[None, :]] = True
    return mask.reshape(1, count, height, width)


def register(value, bits, unsigned):
    value = value & ((1 << bits) - 1)
    return value if unsigned else (value ^ (1 << (bits - 1))) - (1 << (bits - 1))


def through(old, new):
    """The values of new, the gradient of old."""
    return old + (new - old).detach()


class Layer:
    """One layer of the exported network: rows of negative gamma have changed their sign."""

    def __init__(self, index, latent, gamma, weight_bits, input_bits, faults):
        self.faults = [f for f in faults if int(f[1]) == index]
        self.weight, self.input = Format(weight_bits), Format(input_bits)
        self.first = index == 0
        self.input_unit = 128 if self.first else self.input.greatest
        self.xnor = self.weight.binary and self.input.binary and not self.first
        self.sign = torch.where(gamma < 0, -1.0, 1.0).to(latent.dtype).reshape(-1, 1, 1, 1)
        self.sign = self.sign.expand(len(latent), 1, 1, 1)
        self.columns = latent[0].numel()
        self.weights = quantize(latent, weight_bits, 1)
        for row, column, value in self.of("weight"):
            mask = torch.zeros_like(self.weights, dtype=torch.bool)
            tap, channel = divmod(int(column), latent.shape[1])
            mask[int(row), channel, tap // latent.shape[3], tap % latent.shape[3]] = True
            patched = self.sign * int(value) / self.weight.greatest
            self.weights = torch.where(mask, patched, self.weights)

    def of(self, kind):
        return [f[2:] for f in self.faults if f[0] == kind]

    def sum_of(self, accumulator):
        return 2 * accumulator - self.columns if self.xnor else accumulator

    def real(self, accumulator):
        return self.sign.reshape(1, -1, 1, 1) * self.sum_of(accumulator) / (
            self.weight.greatest * self.input_unit)

    def accumulators(self, x):
        """[samples][rows][height][width], exported, of the real sums x."""
        sums = (self.sign.reshape(1, -1, 1, 1) * x * self.weight.greatest * self.input_unit).round()
        return (sums + self.columns) / 2 if self.xnor else sums

    def windows(self, x):
        """Integer operands [samples][pixels][columns], columns in the order row, column, channel."""
        kernel = self.weights.shape[2]
        w = F.unfold(x * self.input_unit, kernel).round()
        w = w.reshape(len(x), x.shape[1], kernel * kernel, -1).permute(0, 3, 2, 1)
        return w.reshape(len(x), w.shape[1], -1)

    def products(self, windows):
        """[samples][pixels][rows][columns]"""
        w = (self.sign * self.weights * self.weight.greatest).round().permute(0, 2, 3, 1)
        w = w.reshape(1, 1, len(w), -1)
        x = windows[:, :, None, :]
        return (w == x).long() if self.xnor else (w * x).long()

    def sums(self, x):
        for channels, pixels, bit, one in self.of("operand"):
            mask = selection(numbers(channels), numbers(pixels), *x.shape[1:])
            held = self.input.stuck(x * self.input_unit, int(bit), int(one)) / self.input_unit
            x = torch.where(mask, held.detach(), x)
        a = F.conv2d(x, self.weights)
        shape = a.shape

        def image(accumulators):  # [samples][pixels][rows]
            return accumulators.permute(0, 2, 1).reshape(shape).to(a.dtype)

        for rows, columns, pixels, bit, one in self.of("window"):
            windows = self.windows(x.detach())
            c = torch.tensor(numbers(columns))
            windows[:, :, c] = self.input.stuck(windows[:, :, c], int(bit), int(one))
            broken = image(self.products(windows).sum(3))
            mask = selection(numbers(rows), numbers(pixels), *shape[1:])
            a = torch.where(mask, through(a, self.real(broken)), a)
        self.decided = torch.zeros(1, *shape[1:], dtype=torch.bool)
        for simd, bits, bit, one, rows, pixels in self.of("accumulator"):
            products = self.products(self.windows(x.detach()))
            held = torch.zeros(products.shape[:3], dtype=torch.long)
            for first in range(0, self.columns, int(simd)):
                held = held + products[..., first:first + int(simd)].sum(3)
                held = held | (1 << int(bit)) if int(one) else held & ~(1 << int(bit))
                held = register(held, int(bits), self.xnor)
            broken = self.real(image(held))
            mask = selection(numbers(rows), numbers(pixels), *shape[1:])
            self.decided = self.decided | mask
            a = torch.where(mask, broken.detach() if pixels == "*" else through(a, broken), a)
        return a

    def values(self, a, y, bits):
        """Quantized y of the sums a."""
        values = quantize(y, bits, -1)
        greatest = Format(bits).greatest
        for row, index, threshold in self.of("threshold"):
            levels = [-1, 1] if bits == 1 else list(range(-greatest, greatest + 1))
            between = [(p + q) / 2 / greatest for p, q in zip(levels, levels[1:])]
            above = [y[:, int(row)] > b for b in between]
            above[int(index)] = self.accumulators(a.detach())[:, int(row)] > int(threshold)
            number = sum(c.long() for c in above)
            patched = torch.tensor(levels, dtype=y.dtype)[number] / greatest
            values = values.clone()
            values[:, int(row)] = through(values[:, int(row)], patched)
        return torch.where(self.decided, values.detach(), values)


def overwrite(x, tensor, faults, bits):
    for kind, number, *fault in faults:
        if kind != "element" or int(number) != tensor:
            continue
        mask = selection(numbers(fault[0]), numbers(fault[1]), *x.shape[1:])
        level = Format(bits).value(int(fault[2])) / Format(bits).greatest
        x = torch.where(mask, torch.full_like(x, level), x)
    return x


def gradients(name, weight_bits, activation_bits, faults):
    """Lines of a case."""
    network = Network(name, WIDTH[name], weight_bits, activation_bits, 1, torch.float64)
    for norm in network.norms:
        rows = torch.arange(len(norm.weight))
        gamma = torch.where(rows % 3 == 1, -0.8, 1.1).float()
        beta = (0.05 * (rows % 5) - 0.1).float()
        norm.weight.data, norm.bias.data = gamma.double(), beta.double()
    images, labels = images_of(BATCH, 1, torch.float64, SIDE[name])
    x = images
    parameters = zip(network.weights, network.norms)
    numbered = []
    last = len(network.layers) - 1
    for index, (rows, kernel, stride, _) in enumerate(network.layers):
        if rows == "pool":
            x = overwrite(F.max_pool2d(x, kernel, stride), index + 1, faults, activation_bits)
            continue
        latent, norm = next(parameters)
        numbered.append((index, latent, norm))
        layer = Layer(index, latent, norm.weight.detach(), weight_bits, activation_bits, faults)
        a = layer.sums(x)
        if index == last:
            break
        y = norm(a) - 1e-9  # between two levels: the lower one, although the mean was rounded
        x = overwrite(layer.values(a, y, activation_bits), index + 1, faults, activation_bits)
    logits = a
    for kind, _, column, value in [f for f in faults if f[0] == "logit"]:
        mask = selection([int(column)], None, *logits.shape[1:])
        constant = layer.real(torch.full_like(logits, float(int(value))))
        logits = torch.where(mask, constant.detach(), logits)
    logits = network.norms[-1](logits.reshape(-1, 1, 1, 1)).reshape(BATCH, -1)
    loss = squared_hinge(logits, labels)
    loss.backward()
    yield f"loss {loss.item()!r}"
    for index, latent, norm in numbered:
        gradient = latent.grad.permute(0, 2, 3, 1).flatten()
        size = max(len(gradient), len(norm.weight))
        first, second = (torch.from_numpy(uniform(size, seed, ORDER, index) - 0.5) for seed in (7, 8))
        count = len(norm.weight)
        values = (gradient.norm(), gradient @ first[:len(gradient)], gradient @ second[:len(gradient)],
                  norm.weight.grad @ first[:count], norm.bias.grad @ first[:count])
        yield f"gradient {index} " + " ".join(repr(v.item()) for v in values)


def main():
    case, faults = None, []

    def finish():
        if case is not None:
            for line in gradients(case[0], int(case[1]), int(case[2]), faults):
                print(line, flush=True)

    with open(sys.argv[1], encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words and words[0] in ("loss", "gradient"):
                continue
            if words and words[0] == "network":
                finish()
                case, faults = words[1:], []
            elif words and words[0] != "#":
                faults.append(words)
            print(line, end="")
    finish()


if __name__ == "__main__":
    main()
