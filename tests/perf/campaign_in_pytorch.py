#!/usr/bin/python3
"""Fault-images per CPU-second of a channel campaign in PyTorch (Debian: python3-torch).

The usual way: a forward hook overwrites one output channel of one layer, and the whole batch runs
through the whole network. CNV-W1A1 in full size as a plain float network of +-1, or ResNet-8 in 8
bits as a float network of integers: the time does not depend on the values, so parameters and
images are random. One fault of every layer and level is timed, after one that warms up; every
channel of a layer costs the same.
"""
import argparse
import time

import torch
from torch import nn


class Sign(nn.Module):
    """The threshold of a folded batch norm, per channel, then -1 or +1."""

    def __init__(self, channels):
        super().__init__()
        self.threshold = nn.Parameter(torch.randn(channels))

    def forward(self, x):
        threshold = self.threshold.view(1, -1, *[1] * (x.dim() - 2))
        return torch.where(x >= threshold, 1.0, -1.0)


def signs(module):
    with torch.no_grad():
        module.weight.copy_(torch.randint(0, 2, module.weight.shape) * 2.0 - 1.0)
    return module


def cnv():
    """Convolutions 64, 64, pool, 128, 128, pool, 256, 256, dense 512, 512, 10 (FINN)."""
    layers, injectable = [], []

    def hidden(operator, channels, pool):
        layers.extend([signs(operator), Sign(channels)])
        injectable.append((layers[-1], channels))
        if pool:
            layers.append(nn.MaxPool2d(2))

    plan = [(3, 64, False), (64, 64, True), (64, 128, False), (128, 128, True), (128, 256, False),
            (256, 256, False)]
    for inputs, outputs, pool in plan:
        hidden(nn.Conv2d(inputs, outputs, 3, bias=False), outputs, pool)
    layers.append(nn.Flatten())
    for inputs, outputs in [(256, 512), (512, 512)]:
        hidden(nn.Linear(inputs, outputs, bias=False), outputs, False)
    layers.append(signs(nn.Linear(512, 10, bias=False)))
    return nn.Sequential(*layers), [(module, channels, (-1.0, 1.0)) for module, channels in injectable]


class Requantize(nn.Module):
    """An accumulator to 8 bits: a scale and an offset per channel, rounded and clamped."""

    def __init__(self, channels, lowest, highest):
        super().__init__()
        self.lowest, self.highest = lowest, highest
        self.scale = nn.Parameter(torch.rand(channels, 1, 1) + 0.5)
        self.offset = nn.Parameter(torch.randn(channels, 1, 1))

    def forward(self, x):
        return torch.clamp(torch.round(x * self.scale + self.offset), self.lowest, self.highest)


class Residual(nn.Module):
    """ResNet-8 of MLPerf Tiny (workloads/zoo_graphs.cc)."""

    def __init__(self):
        super().__init__()
        self.steps, self.injectable = nn.ModuleList(), []
        self.plan = []  # (first, second, shortcut or None, add): steps of a block
        self.first = self.hidden(3, 16, 3, 1)
        inputs = 16
        for outputs, stride in ((16, 1), (32, 2), (64, 2)):
            self.plan.append((
                self.hidden(inputs, outputs, 3, stride), self.hidden(outputs, outputs, 3, 1, -128),
                None if stride == 1 else self.hidden(inputs, outputs, 1, stride, -128),
                self.step(outputs, None, 0.5)))
            inputs = outputs
        self.mean = self.step(64, None, 1)
        self.dense = nn.Linear(64, 10)

    def step(self, channels, operator, size, lowest=0):
        requantize = Requantize(channels, lowest, lowest + 255)
        with torch.no_grad():
            requantize.scale.mul_(size)
        self.steps.append(nn.Sequential(*([operator] if operator else []), requantize))
        levels = [float(lowest), float(lowest + 255)] + ([0.0] if lowest < 0 else [])
        self.injectable.append((requantize, channels, levels))
        return len(self.steps) - 1

    def hidden(self, inputs, outputs, kernel, stride, lowest=0):
        operator = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        with torch.no_grad():
            operator.weight.copy_(torch.randint(-127, 128, operator.weight.shape).float())
        return self.step(outputs, operator, 1 / (73 * (inputs * kernel * kernel) ** 0.5), lowest)

    def forward(self, x):
        x = self.steps[self.first](x)
        for first, second, shortcut, add in self.plan:
            branch = self.steps[second](self.steps[first](x))
            x = self.steps[add](branch + (x if shortcut is None else self.steps[shortcut](x)))
        x = self.steps[self.mean](x.mean((2, 3), keepdim=True))
        return self.dense(x.flatten(1))


def resnet_8():
    network = Residual()
    return network, network.injectable


def stuck(channel, level):
    def hook(_module, _inputs, output):
        output[:, channel] = level
        return output
    return hook


NETWORKS = {"cnv-w1a1": (cnv, 1), "resnet-8-w8a8": (resnet_8, 128)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=NETWORKS, default="cnv-w1a1")
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    make, span = NETWORKS[options.network]
    network, injectable = make()
    images = (torch.rand(options.batch, 3, 32, 32) * 2 - 1) * span
    faults = [(module, channels // 2, level) for module, channels, levels in injectable
              for level in levels]
    changed = 0
    with torch.no_grad():
        golden = network(images).argmax(1)
        begin = time.process_time()
        for module, channel, level in faults:
            handle = module.register_forward_hook(stuck(channel, level))
            changed += int((network(images).argmax(1) != golden).sum())
            handle.remove()
        seconds = time.process_time() - begin
    pairs = len(faults) * options.batch
    assert 0 < changed < pairs, "the hook does nothing"
    print(f"PyTorch {torch.__version__}, {options.network} channel: {len(faults)} faults x {options.batch} "
          f"images, {seconds:.2f} CPU-seconds, {pairs / seconds:.0f} fault-images per CPU-second")


if __name__ == "__main__":
    main()
