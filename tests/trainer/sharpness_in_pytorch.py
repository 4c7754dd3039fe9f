#!/usr/bin/python3
"""SAM, ASAM, SAQ and QASAM by PyTorch: what the trainer's steps are compared with.

sharpness_in_pytorch.py FILE    prints FILE with the first ten losses for each of its lines

A line of FILE begins with: network; its width is 1 over this number; bits of weights; bits of
activations; none, sam, asam, saq or qasam; rho; eta; 1 to perturb batch-norms too, or 0; none, l1 or
hoyer-square, a penalty on the activations of hidden layers; its weight.

Network, images, weights and recipe are train_in_pytorch.py's, in double precision. The loss of a
step is that of its first pass, without the penalty.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "perf"))
from train_in_pytorch import F, SIDE, Network, images_of, quantize, squared_hinge, torch  # noqa: E402

BATCH = 20


def penalty_of(a, kind):
    if kind == "l1":
        return a.abs().mean()
    return a.abs().sum() ** 2 / (a ** 2).sum() / a.numel()


def forward(network, x, offsets, penalty="none"):
    """Logits, and the penalty. offsets: added to the quantized weights of each layer, or None."""
    penalties = 0
    parameters = zip(network.weights, network.norms, offsets or [0] * len(network.weights))
    for rows, kernel, stride, padding in network.layers:
        if rows == "pool":
            x = F.max_pool2d(x, kernel, stride)
            continue
        latent, norm, offset = next(parameters)
        weight = quantize(latent, network.weight_bits, 1) + offset
        if kernel is None:
            x = F.linear(x.flatten(1), weight.flatten(1))[:, :, None, None]
        else:
            x = F.conv2d(x, weight, stride=stride, padding=padding)
        if rows is None:
            return norm(x.reshape(-1, 1, 1, 1)).reshape(x.shape[:2]), penalties
        x = quantize(norm(x) - network.tie, network.activation_bits, -1)
        if penalty != "none":
            penalties = penalties + penalty_of(x, penalty)


def losses_of(network, images, labels, offsets, penalty, weight):
    """What is differentiated, and what is told."""
    logits, penalties = forward(network, images, offsets, penalty)
    loss = squared_hinge(logits, labels)
    return loss + weight * penalties, loss.item()


def ascent(network, method, rho, eta, with_norms):
    """(eps of the weights, eps of scales and offsets) by the gradients that the network holds."""
    gradients = [w.grad for w in network.weights]
    others = [p for norm in network.norms for p in (norm.weight, norm.bias)] if with_norms else []
    if method in ("sam", "asam"):
        sizes = [w.detach().abs() for w in network.weights]
    else:
        sizes = [quantize(w.detach(), network.weight_bits, 1).abs() for w in network.weights]
    if method in ("sam", "saq"):
        normed, directions = gradients, gradients
    elif method == "asam":
        normed = [(s + eta) * g for s, g in zip(sizes, gradients)]
        directions = [(s + eta) ** 2 * g for s, g in zip(sizes, gradients)]
    else:
        normed = [(s + eta) * g for s, g in zip(sizes, gradients)]
        directions = [s ** 2 * g for s, g in zip(sizes, gradients)]
    everything = torch.cat([n.flatten() for n in normed] + [p.grad.flatten() for p in others])
    scale = rho / (everything.norm(2) + 1e-12)
    return [scale * d for d in directions], [(p, scale * p.grad) for p in others]


def second_pass(network, images, labels, method, rho, eta, with_norms, penalty, weight):
    weights, others = ascent(network, method, rho, eta, with_norms)
    kept = [p.detach().clone() for p in network.parameters()]
    with torch.no_grad():
        for p, eps in others:
            p.add_(eps)
        if method in ("sam", "asam"):
            for w, eps in zip(network.weights, weights):
                w.add_(eps)
    network.zero_grad(set_to_none=True)
    offsets = weights if method in ("saq", "qasam") else None
    losses_of(network, images, labels, offsets, penalty, weight)[0].backward()
    with torch.no_grad():
        for p, value in zip(network.parameters(), kept):
            p.copy_(value)


def losses(name, width, weight_bits, activation_bits, method, rho, eta, with_norms, penalty, weight):
    network = Network(name, 1 / width, weight_bits, activation_bits, 1, torch.float64)
    network.tie = 1e-9  # between two levels: the lower one, although the mean was rounded
    images, labels = images_of(2 * BATCH, 1, torch.float64, SIDE[name])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    for i in range(10):
        batch = slice(BATCH * (i % 2), BATCH * (i % 2) + BATCH)
        optimizer.zero_grad(set_to_none=True)
        total, loss = losses_of(network, images[batch], labels[batch], None, penalty, weight)
        total.backward()
        if method != "none":
            second_pass(network, images[batch], labels[batch], method, rho, eta, with_norms, penalty,
                        weight)
        optimizer.step()
        with torch.no_grad():
            for w in network.weights:
                w.clamp_(-1, 1)
        yield loss


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        for line in file:
            words = line.split()[:10]
            if line.startswith("#"):
                print(line, end="")
                continue
            name, width, w, a, method, rho, eta, norms, penalty, weight = words
            found = losses(name, int(width), int(w), int(a), method, float(rho), float(eta),
                           norms == "1", penalty, float(weight))
            print(*words, *(repr(loss) for loss in found), flush=True)


if __name__ == "__main__":
    main()
