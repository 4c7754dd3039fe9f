"""Each trend of the paper against our numbers: holds here, or not."""

import measures


def _pairs(results, broken, method, percents):
    """((precision, data, test), name, standard campaign, campaign) for every network that has both."""
    for (precision, what, percent, faults, data, test), campaign in sorted(results.cells.items()):
        if what != method or faults != broken or (percents and percent not in percents):
            continue
        standard = results.get(precision, "standard", 0, broken, data, test)
        if standard is not None:
            name = f"{precision.upper()} {data}{' ' + test if test else ''} p {percent:g}"
            yield (precision, data, test), name, standard, campaign


def _judge(claim, paper, cases):
    """cases: [(holds, text)]."""
    if not cases:
        return f"| {claim} | {paper} | not run yet | |\n"
    held = sum(1 for holds, _ in cases if holds)
    verdict = "holds" if held == len(cases) else "does not hold" if held == 0 else (
        f"holds in {held} of {len(cases)}")
    return f"| {claim} | {paper} | {verdict} | {'; '.join(text for _, text in cases)} |\n"


def _losses(results):
    """Worst loss in convolutions and in dense layers under standard training."""
    convolutions, dense = [], []
    for key, campaign in sorted(results.cells.items()):
        if key[1] != "standard" or key[3] != "channel":
            continue
        ranges = measures.by_layer_and_level(campaign)
        numbered = sorted({layer for layer, _ in ranges})
        loss = {layer: campaign["error_free"] - min(v[0] for k, v in ranges.items() if k[0] == layer)
                for layer in numbered}
        name = f"{key[0].upper()} {key[4]}{' ' + key[5] if key[5] else ''}"
        worst = max(loss[layer] for layer in numbered[:6])
        last = max(loss[layer] for layer in numbered[6:])
        convolutions.append((worst >= 10, f"{name} {worst:.2f}"))
        dense.append((last <= worst / 4, f"{name} {last:.2f}"))
    return convolutions, dense


def _variances(results):
    cases = []
    for precision in ("w1a1", "w1a2", "w2a2"):
        points = sorted((k[2], measures.variance(c)) for k, c in results.cells.items()
                        if k[0] == precision and k[1] in ("standard", "fat2") and k[3] == "channel"
                        and k[4:] == (results.data, results.test))
        if len(points) > 1:
            falls = all(b[1] < a[1] for a, b in zip(points, points[1:]))
            cases.append((falls, f"{precision.upper()} "
                          + ", ".join(f"p {p:g}: {v:.3f}" for p, v in points)))
    return cases


def _crossing(ours, other):
    """The least cost at which our worst-case error is the greater one, with both errors; None: nowhere."""
    def error_at(curve, cost):
        return min(e for _, c, e in curve if c <= cost + 1e-9)
    costs = sorted({c for _, c, _ in ours} | {c for _, c, _ in other})
    return next(((cost, error_at(ours, cost), error_at(other, cost)) for cost in costs
                 if error_at(ours, cost) > error_at(other, cost)), None)


def trends(results):
    text = "| trend | paper | here | our numbers |\n|---|---|---|---|\n"
    convolutions, dense = _losses(results)
    text += _judge("Standard training loses tens of points for the worst channel (10 or more)",
                   "84.57 -> 50.83", convolutions)
    text += _judge("Dense layers lose almost nothing (at most a quarter of the worst convolution's)",
                   "0.19", dense)

    def gains(method, percents, broken="channel"):
        return [(measures.minimum(c) > measures.minimum(s),
                 f"{n}: {measures.minimum(s):.2f} -> {measures.minimum(c):.2f}")
                for _, n, s, c in _pairs(results, broken, method, percents)]

    def error_free(method, percents, better):
        return [((c["error_free"] > s["error_free"]) == better,
                 f"{n}: {s['error_free']:.2f} -> {c['error_free']:.2f}")
                for _, n, s, c in _pairs(results, "channel", method, percents)]

    text += _judge("Method 1 raises the minimum", "50.83 -> 81.32 (p 5)", gains("fat1", ()))
    text += _judge("Method 1 lowers error-free accuracy", "84.57 -> 82.57 (p 5)",
                   error_free("fat1", (), False))
    text += _judge("Method 2 at p 5 to 10 raises the minimum", "50.83 -> 81.26, 82.43",
                   gains("fat2", (5, 10)))
    text += _judge("Method 2 at p 5 to 10 raises error-free accuracy", "84.57 -> 85.07, 84.75",
                   error_free("fat2", (5, 10), True))
    text += _judge("Variance falls with p", "1.211, 0.150 (p 5), 0.085 (p 10), 0.052 (p 15)",
                   _variances(results))
    replication = []
    for _, name, s, c in _pairs(results, "channel", "fat2", (5, 10)):
        level = 100 - measures.minimum(c)
        worse = _crossing(measures.replication(c), measures.replication(s))
        replication.append((worse is None,
                            f"{name}: standard triplicates {measures.channels_for(s, level)} channels "
                            f"for FAT's worst case without any" + (
                                "" if worse is None else ", but at cost {:.2f} errs less "
                                "({:.2f} % against {:.2f})".format(worse[0], worse[2], worse[1]))))
    text += _judge("FAT Pareto-dominates standard training in replication",
                   "W2A2 at 13.84 % worst-case error: 278 channels against 2", replication)
    channels = []
    for (precision, data, test), name, _, c in _pairs(results, "channel", "dropout2d", ()):
        fat = results.get(precision, "fat2", 5, "channel", data, test)
        if fat is not None:
            gap = measures.minimum(c) - measures.minimum(fat)
            channels.append((abs(gap) <= 2, f"{name}: {measures.minimum(c):.2f}, FAT (p 5) "
                             f"{measures.minimum(fat):.2f}"))
    text += _judge("Dropout2D is about as good as FAT for channels (minimum within 2 points)",
                   "80.14 and 81.26", channels)
    pixels = []
    for (precision, data, test), name, _, c in _pairs(results, "pixel", "dropout2d", ()):
        best = [measures.minimum(f) for p in (2.5, 5, 10)
                if (f := results.get(precision, "fat2", p, "pixel", data, test)) is not None]
        if best:
            pixels.append((measures.minimum(c) < max(best),
                           f"{name}: {measures.minimum(c):.2f}, FAT {max(best):.2f}"))
    text += _judge("Dropout2D is worse than FAT for pixels", "81.14 and 83.60", pixels)
    return text
