"""docs/results/ from the runs that are there: README.md and the figures."""

import json

import hardware
import measures
from figures import Chart
from markdown import row
from paper import CELLS, LAYERS
from plan import FULL, SMALL, plan
from trends import trends

METHODS = {"standard": "standard", "fat1": "FAT method 1", "fat2": "FAT method 2",
           "dropout2d": "Dropout2D", "fat-placement": "FAT with dead PEs"}


def compact(value):
    """JSON without spaces: the numbers of every fault are in it."""
    return json.dumps(value, separators=(",", ":")) + "\n"


class Results:
    """The campaigns that were run, by (precision, method, percent, broken, data, test): those of
    seed 1 in `cells`, those of all seeds in `seeds`."""

    def __init__(self, folder, study=SMALL):
        # What tables of one data set and the figures are about.
        self.data, self.test = (("Fashion-MNIST", "") if study is SMALL else
                                ("CIFAR-10", "10,000 JPEG-degraded"))
        self.runs = [json.loads(p.read_text()) for p in sorted((folder / "runs").glob("*.json"))]
        self.cells, self.seeds = {}, {}
        for run in self.runs:
            for c in run["campaigns"]:
                percent = run["percent"] if run["method"] != "standard" else 0
                key = (run["precision"], run["method"], percent, c["broken"], run["data"], c["test"])
                self.seeds.setdefault(key, []).append((run.get("seed", 1), c))
                if run.get("seed", 1) == 1:
                    self.cells[key] = c

    def get(self, precision, method, percent, broken, data, test=""):
        return self.cells.get((precision, method, percent, broken, data, test))


def three(values):
    return [f"{v:.{d}f}" if v is not None else "-" for v, d in zip(values, (2, 2, 3))]


def ours(campaign):
    return (campaign["error_free"], measures.minimum(campaign), measures.variance(campaign))


def measured(campaign):
    """As `ours`, each accuracy with half its 95 % interval for other images of the same kind."""
    free, least, variance = ours(campaign)
    return [*(f"{value:.2f} ± {measures.half_width(value, campaign['images']):.2f}" for value in (free, least)), f"{variance:.3f}"]


def table_layers(results):
    campaign = results.get("w1a1", "standard", 0, "channel", results.data, results.test)
    if campaign is None:
        return "Not run yet.\n"
    text = row(["layer", "-1 min", "-1 max", "+1 min", "+1 max", "paper -1 min", "max", "+1 min", "max"])
    text += row(["---"] * 9)
    ranges = measures.by_layer_and_level(campaign)
    layers = sorted({layer for layer, _ in ranges})
    for number, layer in enumerate(layers):
        cells = [f"{v:.2f}" for level in (-1, 1) for v in ranges[layer, level]]
        cells += [f"{v:.2f}" for pair in LAYERS[number] for v in pair]
        text += row([campaign["layers"][layer]["name"], *cells])
    return text


def table_cells(results, broken, methods):
    text = row(["network", "data", "training", "p", "error-free", "minimum", "variance",
                "paper error-free", "minimum", "variance"]) + row(["---"] * 10)
    for (precision, method, percent, what, data, test), campaign in sorted(results.cells.items()):
        if what != broken or method not in methods:
            continue
        printed = CELLS.get((precision, method, percent, broken, "GTSRB" if data == "GTSRB" else
                             "CIFAR-10"), (None, None, None))
        text += row([precision.upper(), data + (f", {test}" if test else ""), METHODS[method],
                     f"{percent:g}" if percent else "-", *measured(campaign), *three(printed)])
    return text


def figures(results, folder):
    """Writes what there is data for; returns Markdown."""
    text = ""

    def add(name, title, chart):
        nonlocal text
        (folder / name).write_text(chart.str())
        text += f"![{title}]({name})\n\n"

    order = list(METHODS)
    by_method = sorted(((k, c) for k, c in results.cells.items()
                        if k[0] == "w1a1" and k[3] == "channel" and k[4:] == (results.data, results.test)),
                       key=lambda cell: (order.index(cell[0][1]), cell[0][2]))
    if not by_method:
        return "Not run yet.\n"
    lowest = min(measures.minimum(c) for _, c in by_method) - 1
    highest = max(max(measures.accuracies(c)) for _, c in by_method) + 1
    layers = sorted({f[0] for f in by_method[0][1]["faults"]})
    names = [(i, by_method[0][1]["layers"][layer]["name"].removeprefix("layer"))
             for i, layer in enumerate(layers)]
    chart = Chart("CNV-W1A1: accuracy with one channel stuck, least to greatest", "layer",
                  "accuracy in %", (-0.6, len(layers) - 0.4), (lowest, highest), names)
    chosen = by_method[:6]
    for number, (key, campaign) in enumerate(chosen):
        ranges = measures.by_layer_and_level(campaign)
        bars = [(i, min(v[0] for k, v in ranges.items() if k[0] == layer),
                 max(v[1] for k, v in ranges.items() if k[0] == layer))
                for i, layer in enumerate(layers)]
        chart.ranges(label(key), bars, 9 * (number - (len(chosen) - 1) / 2))
    add("layers.svg", "accuracy by layer", chart)

    errors = [(label(k), 100 - measures.minimum(c), 100 - c["error_free"]) for k, c in by_method]
    chart = Chart("CNV-W1A1: worst-case error without replication", "", "error in %, error-free to worst",
                  (-0.6, len(errors) - 0.4), (0, max(e[1] for e in errors) * 1.05),
                  [(i, str(i + 1)) for i in range(len(errors))])
    for i, (name, worst, free) in enumerate(errors):
        chart.ranges(f"{i + 1}: {name}", [(i, free, worst)], 0)
    add("worst_error.svg", "worst-case error, from the error-free one up", chart)

    fat2 = [(k[2], c) for k, c in by_method if k[1] in ("standard", "fat2")]
    if len(fat2) > 1:
        chart = Chart("CNV-W1A1, FAT method 2 over p (0: standard)", "p in %", "accuracy in %",
                      (0, max(p for p, _ in fat2)), (lowest, highest))
        fat2.sort(key=lambda point: point[0])
        chart.line("error-free", [(p, c["error_free"]) for p, c in fat2])
        chart.line("minimum", [(p, measures.minimum(c)) for p, c in fat2])
        add("percent.svg", "error-free and least accuracy over p", chart)
        chart = Chart("CNV-W1A1, FAT method 2 over p: variance", "p in %", "variance in %^2",
                      (0, max(p for p, _ in fat2)),
                      (0, max(measures.variance(c) for _, c in fat2) * 1.05))
        chart.line("variance", [(p, measures.variance(c)) for p, c in fat2])
        add("variance.svg", "variance over p", chart)

    curves = [(label(k), measures.replication(c)) for k, c in by_method]
    worst = max(curve[0][2] for _, curve in curves)
    best = min(curve[-1][2] for _, curve in curves)
    chart = Chart("CNV-W1A1: selective channel replication", "normalised cost",
                  "worst-case error in %", (1, 3), (best - 0.5, worst + 0.5))
    for name, curve in curves[:6]:
        chart.line(name, [(cost, error) for _, cost, error in curve], marks=False, steps=True)
    add("replication.svg", "replication curves", chart)
    return text


def on_hardware(results):
    """Of the runs on whose networks dead PEs were tried."""
    order = list(METHODS)
    runs = sorted((run for run in results.runs if "hardware" in run), key=lambda run: (order.index(run["method"]), run["percent"]))
    found, worst = [], {}
    for run in runs:
        name = label((run["precision"], run["method"], run["percent"] if run["method"] != "standard" else 0))
        found.append((name, run["hardware"]))
        for campaign in run["campaigns"]:
            if campaign["broken"] == "channel" and campaign["test"] == run["hardware"]["test"]:
                worst[name] = 100 - measures.minimum(campaign)
    return hardware.section(found, worst)


def models(results, folder):
    text = row(["model", "error-free", "options"]) + row(["---"] * 3)
    for run in results.runs:
        path = folder / "models" / f"{run['name']}.h5"
        if path.exists():
            text += row([f"[{run['name']}](models/{path.name})", f"{100 * run['test_accuracy']:.2f}",
                         f"`{run['settings']}`"])
    return text


def label(key):
    return METHODS[key[1]] + (f", p {key[2]:g}" if key[2] else "")


SMALL_INTRODUCTION = f"""What `tools/reproduce` obtained: the analogues of the tables and figures of FAT (Zahid et al., 2020) at a
scale that two cores manage in some hours. CNV with {SMALL.width:g} of the published channels, {SMALL.epochs} epochs
of {SMALL.images:,} training images, cosine schedule, no augmentation unless stated, last checkpoint (the
paper: full width, 1000 epochs, CIFAR-10, best checkpoint on the test set). Every campaign breaks every
channel (or pixel) at every level, one at a time, over the whole test set. Compare trends, not digits.
GTSRB: all training images, 10 epochs; CIFAR-10: the JPEG-degraded images, crops and flips, accuracies on
the 1,017 exact test images and on the 10,000 degraded ones. A W1A1 network takes about 110 seconds of
processor time to train, its campaign over 960 channel faults about 20.
Accuracies in percent, variances in percent squared. "FAT" alone is method 2."""

FULL_INTRODUCTION = f"""What `tools/reproduce --study full` obtained: CNV as published (full width) after {FULL.epochs} epochs of all
training images, cosine schedule, random crops, flips too on CIFAR-10, last checkpoint (the paper: 1000
epochs, best checkpoint on the test set). CIFAR-10 is trained on the 50,000 JPEG-degraded images; accuracies
are those on the 1,017 exact test images and on the 10,000 degraded ones, both named. Every campaign breaks
every channel (or pixel) at every level, one at a time, over the whole test set. One accuracy over 1,017
images is known to about 2.5 points, over 10,000 to 0.8 (95 %).
Accuracies in percent, variances in percent squared. "FAT" alone is method 2. [The small study](../README.md)
has more methods and is repeated in minutes."""


def seeds(results):
    """Error-free and least accuracy of every training that was repeated with other seeds."""
    text = ""
    for (precision, method, percent, broken, data, test), found in sorted(results.seeds.items()):
        if len(found) > 1:
            for seed, campaign in sorted(found, key=lambda one: one[0]):
                text += row([precision.upper(), data + (f", {test}" if test else ""), METHODS[method],
                             f"{percent:g}" if percent else "-", broken, str(seed),
                             *measured(campaign)])
    if not text:
        return ""
    head = ["network", "data", "training", "p", "broken", "seed", "error-free", "minimum", "variance"]
    return "## Seeds\n\n" + row(head) + row(["---"] * len(head)) + text + "\n"


OTHERS = {"full": "CNV as published (full width), CIFAR-10, and what it means on the published accelerator",
          "systolic": "broken PEs of systolic arrays with FAP and FAP+T, and which register is worst",
          "fleets": "lots of broken chips under every policy",
          "memory": "broken cells, sparse activations and flat minima"}


def others(folder):
    """Links to the pages of other studies that are below."""
    links = [f"- [{name}]({name}/README.md): {words}\n" for name, words in OTHERS.items()
             if (folder / name / "README.md").exists()]
    return "\nOther studies, by `tools/reproduce --study NAME`:\n\n" + "".join(links) if links else ""


def write(folder, study=SMALL):
    results = Results(folder, study)
    missing = [run.name for run in plan(study)
               if run.name not in {known["name"] for known in results.runs}]
    commits = sorted({run["commit"] for run in results.runs})
    command = "tools/reproduce" + ("" if study is SMALL else f" --study {study.name}")
    text = f"""# Results{"" if study is SMALL else " at full size"}

{SMALL_INTRODUCTION if study is SMALL else FULL_INTRODUCTION}

{len(results.runs)} of {len(results.runs) + len(missing)} runs, made at {', '.join(commits) or '-'}; `{command}` makes what is missing
(`{command} --list` names them all) and writes this page anew. Each run's settings, the commit, the
hash of its model and the accuracy under every single fault are in [runs](runs).
{others(folder)}
## Do the paper's trends hold here?

{trends(results)}
## Channels stuck, by layer: standard training, CNV-W1A1, {results.data + (', ' + results.test if results.test else '')} (paper: Table I, CIFAR-10)

{table_layers(results)}
## Channels stuck: standard training and FAT (paper: Table II; method 1 from the text)

{table_cells(results, "channel", ("standard", "fat1", "fat2", "fat-placement"))}
## Channels stuck: Dropout2D (paper: Table III)

{table_cells(results, "channel", ("dropout2d",))}
## Pixels stuck (paper: Table IV)

{table_cells(results, "pixel", tuple(METHODS))}
{seeds(results)}{on_hardware(results)}## Models

{'Small trained networks' if study is SMALL else 'Trained networks'} to try things with, and the options of `stuckat train` that made them (hashes are in
the runs; the same command gives the same bytes):

{models(results, folder)}
## Figures

Accuracy by layer; worst-case error without replication (the paper's Figure 9, left part); accuracy and
variance over p; replication (Figure 10): the most critical channels are triplicated, one after the
other; cost 1 is the unprotected, fully unrolled network, 3 has every channel three times.

{figures(results, folder)}"""
    (folder / "README.md").write_text(text)
