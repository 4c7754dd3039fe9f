"""Numbers from a campaign: pure functions over its faults.

A campaign is the JSON that `tools/reproduce` keeps of it:
  {"error_free": percent, "images": N,
   "faults": [[layer, index, level, accuracy in percent], ...],   index: channel or pixel
   "layers": [{"name": ..., "macs": multiplications of one channel}, ...]}
"""

import math


def accuracies(campaign):
    return [accuracy for _, _, _, accuracy in campaign["faults"]]


def minimum(campaign):
    return min(accuracies(campaign))


def variance(campaign):
    """Population variance of all injected accuracies, in %^2."""
    values = accuracies(campaign)
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / len(values)


def half_width(accuracy, images):
    """Of the 95 % interval of an accuracy in percent over so many images (normal approximation of the binomial)."""
    return 196 * math.sqrt(accuracy / 100 * (1 - accuracy / 100) / images)


def by_layer_and_level(campaign):
    """{(layer, level): (min, max)}"""
    ranges = {}
    for layer, _, level, accuracy in campaign["faults"]:
        low, high = ranges.get((layer, level), (accuracy, accuracy))
        ranges[layer, level] = (min(low, accuracy), max(high, accuracy))
    return ranges


def replication(campaign, voter_cost=0.0):
    """Selective channel replication: the most critical channels are triplicated, one after the other.

    Returns [(replicated channels, cost, worst-case error in percent)], from none to all. A replicated
    channel computes what the fault-free one does (a voter outvotes one faulty replica), so the worst
    case is that of the channels that are left, and never below the fault-free error. Cost: 1 + 2 *
    (multiplications of the replicated channels) / (those of all channels that campaigns break), plus
    voter_cost for the share of channels with voters; the fully unrolled network has cost 1.
    """
    worst = {}
    for layer, channel, _, accuracy in campaign["faults"]:
        worst[layer, channel] = min(accuracy, worst.get((layer, channel), accuracy))
    order = sorted(worst, key=lambda c: (worst[c], c))
    macs = [campaign["layers"][layer]["macs"] for layer, _ in order]
    total = sum(macs)
    curve = []
    done = 0
    for n in range(len(order) + 1):
        left = worst[order[n]] if n < len(order) else campaign["error_free"]
        cost = 1 + 2 * done / total + voter_cost * n / len(order)
        curve.append((n, cost, 100 - min(left, campaign["error_free"])))
        if n < len(order):
            done += macs[n]
    return curve


def cheapest(candidates, error, cost):
    """Of the candidates of `stuckat protect` the cheapest with at most this worst-case error, the first of equals; None: none is."""
    good = [c for c in candidates if c["worst_error"] <= error + 1e-9]
    return min(good, key=lambda c: c[cost]) if good else None


def channels_for(campaign, worst_error):
    """Fewest triplicated channels with at most this worst-case error; None if none has it."""
    for n, _, error in replication(campaign):
        if error <= worst_error + 1e-9:
            return n
    return None
