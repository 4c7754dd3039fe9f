#!/usr/bin/python3
"""Fault-images per CPU-second of a channel campaign in PyTorch (Debian: python3-torch).

The usual way: a forward hook overwrites one output channel of one layer, and the whole batch runs
through the whole network. CNV-W1A1 in full size as a plain float network of +-1: the time does not
depend on the values, so parameters and images are random. One fault of every layer and level is
timed, after one that warms up; every channel of a layer costs the same.
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
    return nn.Sequential(*layers), injectable


def stuck(channel, level):
    def hook(_module, _inputs, output):
        output[:, channel] = level
        return output
    return hook


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    network, injectable = cnv()
    images = torch.rand(options.batch, 3, 32, 32) * 2 - 1
    faults = [(module, channels // 2, level) for module, channels in injectable
              for level in (-1.0, 1.0)]
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
    print(f"PyTorch {torch.__version__}, CNV-W1A1 channel: {len(faults)} faults x {options.batch} "
          f"images, {seconds:.2f} CPU-seconds, {pairs / seconds:.0f} fault-images per CPU-second")


if __name__ == "__main__":
    main()
