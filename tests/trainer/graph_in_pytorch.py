#!/usr/bin/python3
"""Gradients of graphs by PyTorch's automatic differentiation: what the trainer's are compared with.

graph_in_pytorch.py FILE    prints FILE with the numbers of each case computed anew

A case is a line `network NAME BITS` (weights and activations), then the numbers: `loss L`, and for
each layer that sums `gradient LAYER NORM P1 P2 GAMMA BETA`, as in gradients_in_pytorch.py; layers
without weights have 0 for the first three.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "perf"))
from train_in_pytorch import (ORDER, WEIGHTS, F, Levels, images_of, nn, np,  # noqa: E402
                              squared_hinge, torch, uniform)

BATCH, SIDE, WIDTH, CLASSES = 20, 16, 0.25, 10


def scaled(channels):
    return max(1, int(channels * WIDTH + 0.5))


class Graph:
    """Builds and computes at once; tensors are pairs of real values and of the greatest level."""

    def __init__(self, bits):
        self.bits, self.index, self.parameters = bits, 0, []
        self.images, self.labels = images_of(BATCH, 1, torch.float64, SIDE)

    def input(self):
        return self.images, 128

    def quantized(self, a, signed):
        """A batch-norm and a quantizer."""
        weights, norm = self.parameters[-1][1:]
        self.set(norm, weights)
        y = norm(a) - 1e-9  # between two levels: the lower one, although the mean was rounded
        n = 2 ** (self.bits - 1) - 1 if signed else 2 ** self.bits - 1
        return Levels.apply(y, n, -(n + 1) / n if signed else 0), n

    def set(self, norm, weights):
        """Rows of what has no weights keep a positive scale."""
        rows = torch.arange(len(norm.weight))
        gamma = torch.full((len(rows),), 1.1)
        if weights is not None:
            gamma = torch.where(rows % 3 == 1, -0.8, 1.1)
        norm.weight.data = gamma.float().double()
        norm.bias.data = (0.05 * (rows % 5) - 0.1).float().double()

    def quantized_weights(self, latent, n):
        return Levels.apply(latent, n, -1)

    def parameter(self, weights, rows):
        norm = nn.BatchNorm2d(rows, eps=1e-4, dtype=torch.float64)
        self.parameters.append((self.index, weights, norm))
        self.index += 1
        return norm

    def weights(self, rows, columns, bits):
        drawn = uniform(rows * int(np.prod(columns)), 1, WEIGHTS, self.index)
        latent = torch.from_numpy((2 * drawn - 1).astype(np.float32)).double()
        return latent.reshape(rows, *columns).requires_grad_(), 2 ** (bits - 1) - 1

    def convolution(self, x, rows, kernel=3, stride=1, groups=1, signed=False):
        bits = 8 if self.index == 0 else self.bits
        channels = x[0].shape[1] // groups
        latent, n = self.weights(rows, (kernel, kernel, channels), bits)
        padded = x[0]
        for axis in (3, 2):  # SAME: the odd pixel below and to the right
            size = padded.shape[axis]
            more = max(0, (-(-size // stride) - 1) * stride + kernel - size)
            sides = [more // 2, more - more // 2]
            padded = F.pad(padded, sides if axis == 3 else [0, 0, *sides])
        w = self.quantized_weights(latent, n).permute(0, 3, 1, 2)
        self.parameter(latent, rows)
        return self.quantized(F.conv2d(padded, w, stride=stride, groups=groups), signed)

    def add(self, x, y):
        greatest = max(x[1], y[1])
        self.parameter(None, x[0].shape[1])
        return self.quantized((x[0] * x[1] + y[0] * y[1]) / greatest, False)

    def mean(self, x):
        self.parameter(None, x[0].shape[1])
        return self.quantized(x[0].mean((2, 3), keepdim=True), False)

    def loss(self, x):
        latent, n = self.weights(CLASSES, (x[0].shape[1],), 8)
        logits = F.linear(x[0].flatten(1), self.quantized_weights(latent, n))
        norm = self.parameter(latent, 1)
        logits = norm(logits.reshape(-1, 1, 1, 1)).reshape(BATCH, CLASSES)
        return squared_hinge(logits, self.labels)


def resnet(g):
    x = g.convolution(g.input(), scaled(16))
    for stage in range(3):
        rows, stride = scaled(16 << stage), 1 if stage == 0 else 2
        branch = g.convolution(g.convolution(x, rows, 3, stride), rows, signed=True)
        shortcut = x if stage == 0 else g.convolution(x, rows, 1, stride, signed=True)
        x = g.add(branch, shortcut)
    return g.loss(g.mean(x))


def mobilenet(g):
    x = g.convolution(g.input(), scaled(8), 3, 2)
    for rows, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1),
                         (128, 1), (128, 1), (128, 1), (256, 2), (256, 1)):
        each = x[0].shape[1]
        x = g.convolution(g.convolution(x, each, 3, stride, each), scaled(rows), 1)
    return g.loss(g.mean(x))


def gradients(name, bits):
    graph = Graph(bits)
    loss = {"resnet-8": resnet, "mobilenet-0.25": mobilenet}[name](graph)
    loss.backward()
    yield f"loss {loss.item()!r}"
    for index, latent, norm in graph.parameters:
        count = len(norm.weight)
        gradient = latent.grad.flatten() if latent is not None else torch.zeros(1).double()
        size = max(len(gradient), count)
        first, second = (torch.from_numpy(uniform(size, seed, ORDER, index) - 0.5) for seed in (7, 8))
        values = (gradient.norm(), gradient @ first[:len(gradient)], gradient @ second[:len(gradient)],
                  norm.weight.grad @ first[:count], norm.bias.grad @ first[:count])
        yield f"gradient {index} " + " ".join(f"{v.item():.12g}" for v in values)


def renew(numbers, kinds):
    """Prints the file of the argument; its lines of these kinds are those of numbers(name, bits)."""
    with open(sys.argv[1], encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words and words[0] in kinds:
                continue
            print(line, end="")
            if words and words[0] == "network":
                for printed in numbers(words[1], int(words[2])):
                    print(printed, flush=True)


if __name__ == "__main__":
    renew(gradients, ("loss", "gradient"))
