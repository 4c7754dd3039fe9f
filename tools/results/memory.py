"""The study of memory faults (`tools/reproduce --study memory`): standard and sparse networks, trained
plainly, for flat minima and under random bit errors; accuracy of lots of chips, and sharpness."""

import json
import os
import time
from dataclasses import dataclass

from figures import Chart
from sources import DEGRADED

RATES = "0.0001,0.001,0.01,0.03,0.05"
CHIPS = 50
ACCELERATOR = "dataflow:auto"
SYSTOLIC = "systolic:32x32:memory"
SPARSE = ("--penalty", "l1", "--penalty-weight", "0.02")
DENSE = ("--penalty", "l1", "--penalty-weight", "0")  # counts zeros, and no more
# What a step does besides.
TRAININGS = {
    "plain": (),
    "sam": ("--sharpness-aware", "sam"),
    "asam": ("--sharpness-aware", "asam"),
    "saq": ("--sharpness-aware", "saq"),
    "bit errors": ("--method", "fat-placement", "--accelerator", ACCELERATOR, "--sites", "pe/weight",
                   "--draw", "batch", "--percent", "0.3"),
}
# Where the cells are: words, accelerator, kind of site, repair. Weights of a loopback array have no flips that stay, since
# its memories hold one layer after the other: cells are stuck at either value everywhere.
PLACES = (
    ("weights, PE memories of a dataflow accelerator", ACCELERATOR, "pe/weight", "none"),
    ("the same, each word corrects one wrong bit (SECDED)", ACCELERATOR, "pe/weight", "secded"),
    ("the same, nearest storable codes (FAQ)", ACCELERATOR, "pe/weight", "faq"),
    ("thresholds, PE memories of a dataflow accelerator", ACCELERATOR, "pe/threshold", "none"),
    ("weights, PE memories of a loopback array", "loopback:32x32", "pe/weight", "none"),
    ("activations, buffers of a loopback array", "loopback:32x32", "buffer/activation", "none"),
    ("weights and thresholds, off-chip memory of a systolic array", SYSTOLIC, "memory/parameter", "none"),
    ("the same, each 64 bits correct one wrong bit (SECDED)", SYSTOLIC, "memory/parameter", "secded"),
)
PLACED = "fashion-mnist-cnv-w2a2-standard-plain"  # the run whose network they hold
PLACE_RATES = "0.0001,0.001,0.01"
PLACE_IMAGES = 1000


@dataclass(frozen=True)
class Data:
    name: str
    train: str  # NAME:PATH; {work} is the work folder, {data} STUCKAT_DATA
    test: str
    options: tuple
    needs: str  # below STUCKAT_DATA, empty: none


FASHION = Data("Fashion-MNIST", "fashion-mnist", "fashion-mnist", ("--input-channels", "1"), "")
CIFAR = Data("CIFAR-10", "images:{work}/cifar10-degraded", "cifar10:{data}/cifar10/test_exact_first1017.bin.xz",
             ("--flip", "--crop", "4"), DEGRADED)


@dataclass(frozen=True)
class Case:
    """A network of the zoo on a data set; broken chips see the whole test set."""
    data: Data
    network: str
    width: float
    images: int
    epochs: int
    learning_rate: float


CASES = (
    Case(CIFAR, "cnv-w2a2", 0.25, 20000, 10, 0.01),
    Case(FASHION, "cnv-w2a2", 0.25, 20000, 8, 0.01),
    Case(FASHION, "resnet-8-w4a4", 1, 20000, 6, 0.005),
    Case(CIFAR, "cnv-w4a4", 0.25, 20000, 10, 0.01),
    Case(FASHION, "resnet-8-w8a8", 1, 20000, 6, 0.005),
)


@dataclass(frozen=True)
class Run:
    case: Case
    sparse: bool
    training: str

    @property
    def name(self):
        parts = [self.case.data.name.lower(), self.case.network, "sparse" if self.sparse else "standard",
                 self.training.replace(" ", "-")]
        return "-".join(parts)

    def train_options(self):
        case = self.case
        return ["--network", case.network, "--width", f"{case.width:g}", *case.data.options,
                "--images", str(case.images), "--epochs", str(case.epochs), "--test-images", "0",
                "--learning-rate", f"{case.learning_rate:g}", "--schedule", "cosine",
                *(SPARSE if self.sparse else DENSE), *TRAININGS[self.training]]


def plan():
    return [Run(case, sparse, training) for case in CASES for sparse in (False, True) for training in TRAININGS]


class Study:
    """maker: that of tools/reproduce, which has the data, and calls stuckat; commit: of the sources."""

    def __init__(self, maker, out, commit):
        self.maker, self.out, self.commit = maker, out / "memory", commit
        (self.out / "runs").mkdir(parents=True, exist_ok=True)

    def data(self, run):
        """Options for its training and for its test images."""
        return (["--data", self.maker.path(source)] for source in (run.case.data.train, run.case.data.test))

    def trained(self, run):
        """Network, checkpoint and report; trained unless it is."""
        stem = self.maker.options.work / f"memory-{run.name}"
        model, checkpoint, report = (stem.with_name(f"{stem.name}.{what}") for what in ("h5", "checkpoint", "train.json"))
        if not report.exists():
            data, _ = self.data(run)
            self.maker.call("train", *run.train_options(), *data, "--checkpoint", checkpoint, "-o", model, "--json", report)
        return model, checkpoint, report

    def do(self, run):
        work, maker = self.maker.options.work, self.maker
        stem = f"memory-{run.name}"
        case = run.case
        model, checkpoint, trained = self.trained(run)
        data, test = self.data(run)
        chips, sharp = (work / f"{stem}.{what}.json" for what in ("chips", "sharpness"))
        if not chips.exists():
            maker.call("memory", model, *test, "--accelerator", ACCELERATOR, "--rates", RATES,
                       "--chips", CHIPS, "--json", chips)
        if not sharp.exists():
            maker.call("sharpness", checkpoint, *data, "--half", "train", "--images", "500",
                       "--network", case.network, "--width", f"{case.width:g}",
                       *[o for o in case.data.options if o in ("--input-channels", "1")], "--json", sharp)
        history = json.loads(trained.read_text())["epochs"][-1]
        zeros = history.get("zeros", {})
        sharpness = json.loads(sharp.read_text())
        lots = json.loads(chips.read_text())
        kept = {"name": run.name, "data": case.data.name, "network": case.network, "width": case.width,
                "trained_images": case.images, "epochs": case.epochs, "sparse": run.sparse, "training": run.training,
                "settings": " ".join(run.train_options()), "commit": self.commit,
                "zeros": zeros, "error_free": lots["error_free"], "images": lots["images"],
                "rows": lots["rows"],
                "sharpness": {key: sharpness[key] for key in
                              ("loss", "ascent_loss", "top_eigenvalue", "trace")}}
        (self.out / "runs" / f"{run.name}.json").write_text(json.dumps(kept, indent=1) + "\n")

    def are_placed(self):
        """Whether places.json is of the PLACES of today."""
        path = self.out / "places.json"
        return path.exists() and [place["place"] for place in json.loads(path.read_text())["places"]] == [row[0] for row in PLACES]

    def place(self):
        """The same rates of broken cells in memories of other places."""
        run, = (run for run in plan() if run.name == PLACED)
        model, _, _ = self.trained(run)
        _, data = self.data(run)
        places = []
        for number, (words, accelerator, sites, repair) in enumerate(PLACES):
            lots = self.maker.options.work / f"memory-place{number}.json"
            if not lots.exists():
                self.maker.call("memory", model, *data, "--accelerator", accelerator, "--sites", sites, "--cells", "any",
                                "--repair", repair, "--rates", PLACE_RATES, "--images", PLACE_IMAGES, "--chips", CHIPS,
                                "--json", lots)
            result = json.loads(lots.read_text())
            places.append({"place": words, "accelerator": accelerator, "sites": sites, "repair": repair,
                           "error_free": result["error_free"], "rows": result["rows"]})
        kept = {"network": PLACED, "commit": self.commit, "places": places}
        (self.out / "places.json").write_text(json.dumps(kept, indent=1) + "\n")

    def run(self, only):
        todo = []
        for run in plan():
            if not only(run.name):
                continue
            needs = run.case.data.needs
            if needs and not os.path.exists(os.path.join(self.maker.data, needs)):
                print(f"{run.name}: left out, STUCKAT_DATA has no {needs}")
            elif not (self.out / "runs" / f"{run.name}.json").exists():
                todo.append(run)
        began = time.time()
        for number, run in enumerate(todo):
            left = (time.time() - began) / number * (len(todo) - number) if number else 0
            rest = f", about {left / 60:.0f} min left" if number else ""
            print(f"[{number + 1}/{len(todo)}] {run.name}{rest}", flush=True)
            self.do(run)
            self.write()
        if only("places") and not self.are_placed():
            print("places", flush=True)
            self.place()
        self.write()

    def write(self):
        runs = [json.loads(path.read_text()) for path in sorted((self.out / "runs").glob("*.json"))]
        path = self.out / "places.json"
        places = json.loads(path.read_text()) if path.exists() else None
        (self.out / "README.md").write_text(page(runs, places))
        for name, chart in pictures(runs).items():
            (self.out / name).write_text(chart)


def page(runs, places):
    lines = ["# Memory faults: sparse activations and flat minima", "",
             "<!-- Written by tools/reproduce --study memory. -->", "",
             f"Bits of the weight memories ({ACCELERATOR}, `pe/weight`) flipped at a rate, {CHIPS} chips each, on "
             "the whole test set; the trainings are short beside those of a paper, and their settings in the raw results. "
             "Accuracies in percent: without faults, then mean / accuracy that 5 % of the chips do not "
             "exceed / worst. Eigenvalue and trace of the loss's Hessian with the deviation over starts "
             "and probes ([memory-faults.md](../../memory-faults.md)).", "",
             "Context: Malhotra and Gupta (2024, arXiv 2406.10528) report that sparse networks lose up to "
             "11.13 points more than standard ones, and that SAQ gains up to 19.50 (sparse) and 15.82 "
             "points (standard); their networks and rates could not be read, so that no line here is theirs.",
             ""]
    for data, network in sorted({(r["data"], r["network"]) for r in runs}):
        some = [r for r in runs if (r["data"], r["network"]) == (data, network)]
        rates = [row["rate"] for row in some[0]["rows"]]
        lines += [f"## {network}, width {some[0]['width']:g}, {data}", "",
                  f"Trained on {some[0]['trained_images']:,} images for {some[0]['epochs']} epochs; "
                  f"{some[0]['images']:,} test images.", "",
                  "| activations | training | zeros | no faults | " +
                  " | ".join(f"{100 * rate:g} %" for rate in rates) +
                  " | ascent loss - loss | top eigenvalue | trace |",
                  "|---|---|---|---|" + "---|" * (len(rates) + 3)]
        for r in sorted(some, key=order):
            zeros = r["zeros"].values()
            share = f"{100 * sum(zeros) / len(zeros):.0f} %" if zeros else "-"
            cells = [f"{row['mean']:.2f} / {row['quantile5']:.2f} / {row['worst']:.2f}"
                     for row in r["rows"]]
            s = r["sharpness"]
            lines.append(" | ".join(
                ["| sparse" if r["sparse"] else "| standard", r["training"], share,
                 f"{r['error_free']:.2f}", *cells, f"{s['ascent_loss'] - s['loss']:.4f}",
                 f"{s['top_eigenvalue']['mean']:.3g} ± {s['top_eigenvalue']['deviation']:.2g}",
                 f"{s['trace']['mean']:.3g} ± {s['trace']['deviation']:.2g} |"]))
        known = {r["name"] for r in runs}
        missing = [run.name for run in plan() if (run.case.data.name, run.case.network) == (data, network) and run.name not in known]
        lines += ["", f"Not run yet: {', '.join(missing)}."] if missing else []
        picture = picture_name(data, network)
        lines += ["", *trends(some), f"![accuracy over rates of broken bits]({picture})", ""]
    if places:
        lines += placement(places)
    return "\n".join(lines).rstrip() + "\n"


def placement(places):
    """The same rates elsewhere: mean, and mean number of broken cells of a chip."""
    rates = [row["rate"] for row in places["places"][0]["rows"]]
    lines = ["## Where the cells are", "",
             f"The network of `{places['network']}` (commit {places['commit']}), cells stuck at either value: mean accuracy ± "
             "half its 95 % interval / worst chip (broken cells of a chip on average). SECDED "
             "is there for memories that hold the same weights or thresholds all the time.", "",
             "| cells | no faults | " + " | ".join(f"{100 * rate:g} %" for rate in rates) + " |", "|---|---|" + "---|" * len(rates)]
    for place in places["places"]:
        cells = [f"{row['mean']:.2f} ± {(row['mean_high'] - row['mean_low']) / 2:.2f} / {row['worst']:.2f} "
                 f"({row['mean_broken_cells']:,.0f})" for row in place["rows"]]
        lines.append(f"| {place['place']} | {place['error_free']:.2f} | " + " | ".join(cells) + " |")
    return lines


def picture_name(data, network):
    return f"{data.lower()}-{network}.svg"


def pictures(runs):
    """Mean accuracy over rates, a line for each training: SVG by name of file."""
    charts = {}
    for data, network in sorted({(r["data"], r["network"]) for r in runs}):
        some = [r for r in runs if (r["data"], r["network"]) == (data, network)]
        rates = [row["rate"] for row in some[0]["rows"]]
        names = [(i, f"{100 * rate:g}") for i, rate in enumerate(rates)]
        low = min(row["mean"] for r in some for row in r["rows"])
        chart = Chart(f"{network}, {data}: bits of weights flipped, mean over {CHIPS} chips", "flipped bits in %",
                      "accuracy in %", (-0.3, len(rates) - 0.7), (low - 2, max(r["error_free"] for r in some) + 2), names)
        for r in sorted(some, key=order):
            chart.line(f"{'sparse' if r['sparse'] else 'standard'}, {r['training']}",
                       [(i, row["mean"]) for i, row in enumerate(r["rows"])],
                       number=list(TRAININGS).index(r["training"]), dashed=r["sparse"])
        charts[picture_name(data, network)] = chart.str()
    return charts


def order(run):
    return run["sparse"], list(TRAININGS).index(run["training"])


def trends(runs):
    """What the paper says, and whether it holds here, rate by rate."""
    by = {(r["sparse"], r["training"]): r for r in runs}
    lines = []

    def tell(claim, worse, better, value):
        if worse not in by or better not in by:
            return
        pairs = list(zip(by[worse]["rows"], by[better]["rows"]))
        points = [value(by[better], q) - value(by[worse], p) for p, q in pairs]
        # Half the intervals of both means, over chips on these images.
        sure = [abs(d) > (q["mean_high"] - q["mean_low"] + p["mean_high"] - p["mean_low"]) / 2
                for d, (p, q) in zip(points, pairs)]
        holds = sum(p > 0 for p in points)
        lines.append(f"- {claim}: by {', '.join(f'{p:.2f}' for p in points)} points at the rates of the table; "
                     + ("holds" if holds == len(points) else "does not hold" if holds == 0 else
                        f"holds at {holds} of {len(points)} rates")
                     + f", the difference being greater than both intervals at {sum(sure)}.")

    kept = lambda run, row: row["mean"] - run["error_free"]
    under_faults = lambda run, row: row["mean"]
    tell("Sparse loses more than standard, each against itself without faults", (True, "plain"), (False, "plain"), kept)
    tell("SAQ gains accuracy on sparse", (True, "plain"), (True, "saq"), under_faults)
    tell("SAQ gains accuracy on standard", (False, "plain"), (False, "saq"), under_faults)
    tell("Sparse with SAQ beats plain standard", (False, "plain"), (True, "saq"), under_faults)

    def sharper(claim, greater, smaller):
        if greater in by and smaller in by:
            a, b = (by[key]["sharpness"]["top_eigenvalue"] for key in (greater, smaller))
            difference = a["mean"] - b["mean"]
            lines.append(f"- {claim}: top eigenvalues {a['mean']:.3g} and {b['mean']:.3g}, "
                         + ("not told apart: they deviate by as much over starts." if abs(difference) <= max(a["deviation"], b["deviation"])
                            else "holds." if difference > 0 else "does not hold."))

    sharper("Sparse lies in a sharper minimum than standard", (True, "plain"), (False, "plain"))
    sharper("Plain standard lies in a sharper minimum than standard with SAQ", (False, "plain"), (False, "saq"))
    sharper("Plain sparse lies in a sharper minimum than sparse with SAQ", (True, "plain"), (True, "saq"))
    return [*lines, ""] if lines else []
