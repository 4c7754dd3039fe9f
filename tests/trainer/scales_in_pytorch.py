#!/usr/bin/python3
"""Learned scales of weights (LSQ, Esser et al. 2020) by PyTorch: what the trainer's are compared with.

scales_in_pytorch.py FILE    prints FILE with the numbers of each case computed anew

A case is a line `network NAME BITS` (weights and activations), then the numbers of ten steps of ADAM
on the same images, learning rate 0.005: `step LOSS SCALE SCALE ...`, the loss before the step and the
real value of the greatest level of each layer's weights after it.
"""
from graph_in_pytorch import Graph, mobilenet, renew, resnet, torch

STEPS, LEARNING_RATE = 10, 0.005


def rounded(x):
    return x + (x.round() - x).detach()


class Parameters:
    """Made by the first pass, learned by those after it."""

    def __init__(self):
        self.weights, self.scales, self.norms = {}, {}, {}

    def all(self):
        norms = [p for norm in self.norms.values() for p in (norm.weight, norm.bias)]
        return [*self.weights.values(), *self.scales.values(), *norms]


class LearnedGraph(Graph):
    def __init__(self, bits, kept):
        super().__init__(bits)
        self.kept = kept

    def weights(self, rows, columns, bits):
        latent, n = super().weights(rows, columns, bits)
        return self.kept.weights.setdefault(self.index, latent), n

    def quantized_weights(self, latent, n):
        if self.index not in self.kept.scales:
            step = 2 * latent.detach().abs().mean() / n**0.5
            self.kept.scales[self.index] = (n * step).float().double().requires_grad_()
        step = self.kept.scales[self.index] / n
        share = 1 / (latent.numel() * n) ** 0.5
        step = step * share + (step - step * share).detach()
        return rounded((latent / step).clamp(-n, n)) * step

    def parameter(self, weights, rows):
        norm = super().parameter(weights, rows)
        index = self.index - 1
        norm = self.kept.norms.setdefault(index, norm)
        self.parameters[-1] = (index, weights, norm)
        return norm

    def set(self, norm, weights):
        pass


def steps(name, bits):
    kept, adam = Parameters(), None
    for _ in range(STEPS):
        loss = {"resnet-8": resnet, "mobilenet-0.25": mobilenet}[name](LearnedGraph(bits, kept))
        if adam is None:
            adam = torch.optim.Adam(kept.all(), lr=LEARNING_RATE)
        adam.zero_grad()
        loss.backward()
        adam.step()
        scales = (f"{kept.scales[i].item():.9g}" for i in sorted(kept.scales))
        yield f"step {loss.item():.12g} " + " ".join(scales)


if __name__ == "__main__":
    renew(steps, ("step",))
