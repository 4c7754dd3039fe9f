#!/usr/bin/python3
"""ResNet-8 and ResNet-20 trained by plain PyTorch: what stuckat's trainer is timed against.

resnet_in_pytorch.py resnet-8-w8a8|resnet-20-w4a4|... [--threads N] [--channels-last]
    one training step for each line of standard input, and for each a line with its seconds by the
    wall and of the processors

The layers, quantizers and batch-norms of the zoo (workloads/zoo_graphs.cc, trainer/model.h), batch
100; tests/trainer/graph_in_pytorch.py holds the numbers of the same against the trainer's.
"""
import argparse
import sys
import time

from train_in_pytorch import F, Levels, images_of, nn, step, torch


class Resnet(nn.Module):
    def __init__(self, blocks, weight_bits, activation_bits):
        super().__init__()
        self.weight_bits, self.activation_bits, self.blocks = weight_bits, activation_bits, blocks
        self.weights, self.norms = nn.ParameterList(), nn.ModuleList()
        self.kept = []  # (rows, columns) in order, made on the way through the layers once
        self.cursor = 0
        self.forward(torch.zeros(2, 3, 32, 32))

    def layer(self, rows, shape=None):
        """The next norm, and the next weights if it has any."""
        at, self.cursor = self.cursor, self.cursor + 1
        if at == len(self.norms):
            self.norms.append(nn.BatchNorm2d(rows, eps=1e-4))
            self.kept.append(None if shape is None else len(self.weights))
            if shape is not None:
                self.weights.append(nn.Parameter(2 * torch.rand(rows, *shape) - 1))
        weights = None if shape is None else self.weights[self.kept[at]]
        return self.norms[at], weights

    def quantized(self, a, norm, signed=False):
        b = self.activation_bits
        n = 2 ** (b - 1) - 1 if signed else 2 ** b - 1
        return Levels.apply(norm(a), n, -(n + 1) / n if signed else 0)

    def convolution(self, x, rows, kernel=3, stride=1, signed=False):
        bits = 8 if self.cursor == 0 else self.weight_bits
        norm, latent = self.layer(rows, (x.shape[1], kernel, kernel))
        w = Levels.apply(latent, 2 ** (bits - 1) - 1, -1)
        if stride == 2 and kernel == 3:  # SAME of an even image: below and to the right
            x = F.conv2d(F.pad(x, (0, 1, 0, 1)), w, stride=2)
        else:
            x = F.conv2d(x, w, stride=stride, padding=kernel // 2)
        return self.quantized(x, norm, signed)

    def forward(self, x):
        self.cursor = 0
        signed, unsigned = 2 ** (self.activation_bits - 1) - 1, 2 ** self.activation_bits - 1
        x = self.convolution(x, 16)
        for stage in range(3):
            for block in range(self.blocks):
                rows, stride = 16 << stage, 2 if stage > 0 and block == 0 else 1
                branch = self.convolution(self.convolution(x, rows, 3, stride), rows, signed=True)
                if stride == 1:
                    total = branch * (signed / unsigned) + x
                else:
                    total = branch + self.convolution(x, rows, 1, stride, signed=True)
                x = self.quantized(total, self.layer(rows)[0])
        x = self.quantized(x.mean((2, 3), keepdim=True), self.layer(x.shape[1])[0])
        at = self.cursor
        if at == len(self.norms):
            self.norms.append(nn.BatchNorm2d(1, eps=1e-4))
            self.weights.append(nn.Parameter(2 * torch.rand(10, x.shape[1]) - 1))
        logits = F.linear(x.flatten(1), Levels.apply(self.weights[-1], 127, -1))
        return self.norms[-1](logits.reshape(-1, 1, 1, 1)).reshape(len(x), 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    name, _, bits = options.network.rpartition("-w")
    weight_bits, _, activation_bits = bits.partition("a")
    network = Resnet({"resnet-8": 1, "resnet-20": 3}[name], int(weight_bits), int(activation_bits))
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


if __name__ == "__main__":
    main()
