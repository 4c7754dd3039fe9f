"""The study of memory faults (`tools/reproduce --study memory`): standard and sparse networks, trained
plainly, for flat minima and under random bit errors; accuracy of lots of chips, and sharpness."""

import json
import os
import subprocess
import time
from dataclasses import dataclass

RATES = "0.0001,0.0003,0.001,0.003,0.01,0.03,0.05"
CHIPS = 50
ACCELERATOR = "dataflow:auto"
SPARSE = ("--penalty", "l1", "--penalty-weight", "0.02")
# What a step does besides.
TRAININGS = {
    "plain": (),
    "sam": ("--sharpness-aware", "sam"),
    "asam": ("--sharpness-aware", "asam"),
    "saq": ("--sharpness-aware", "saq"),
    "bit errors": ("--method", "fat-placement", "--accelerator", ACCELERATOR, "--sites", "pe/weight",
                   "--draw", "batch", "--percent", "0.3"),
}
# Zoo name and width. W4A4, W8A8 and ResNet-8 belong here as soon as the zoo has them and the trainer
# computes them.
NETWORKS = (("cnv-w2a2", 0.25),)
# Name, --data, options, needed below STUCKAT_DATA.
DATA = (
    ("Fashion-MNIST", "fashion-mnist", ("--input-channels", "1"), ""),
    ("CIFAR-10", "images:{work}/cifar10-degraded", ("--flip", "--crop", "4"),
     "cifar10/jpeg_degraded_images.tar.xz"),
)
IMAGES, EPOCHS = 20000, 20


@dataclass(frozen=True)
class Run:
    network: str
    width: float
    data: tuple
    sparse: bool
    training: str

    @property
    def name(self):
        parts = [self.data[0].lower(), self.network, "sparse" if self.sparse else "standard",
                 self.training.replace(" ", "-")]
        return "-".join(parts)

    def train_options(self):
        return ["--network", self.network, "--width", f"{self.width:g}", *self.data[2],
                "--images", str(IMAGES), "--epochs", str(EPOCHS), "--test-images", "0",
                "--schedule", "cosine", *(SPARSE if self.sparse else ()), *TRAININGS[self.training]]


def plan():
    return [Run(network, width, data, sparse, training) for data in DATA
            for network, width in NETWORKS for sparse in (False, True) for training in TRAININGS]


class Study:
    """maker: that of tools/reproduce, which has the data, and calls stuckat; commit: of the sources."""

    def __init__(self, maker, out, commit):
        self.maker, self.out, self.commit = maker, out / "memory", commit
        (self.out / "runs").mkdir(parents=True, exist_ok=True)

    def do(self, run):
        work, maker = self.maker.options.work, self.maker
        stem = f"memory-{run.name}"
        data = ["--data", maker.path(run.data[1])]
        model, checkpoint = work / f"{stem}.h5", work / f"{stem}.checkpoint"
        trained, chips, sharp = (work / f"{stem}.{what}.json"
                                 for what in ("train", "chips", "sharpness"))
        if not trained.exists():
            maker.call("train", *run.train_options(), *data, "--checkpoint", checkpoint, "-o", model,
                       "--json", trained)
        if not chips.exists():
            maker.call("memory", model, *data, "--accelerator", ACCELERATOR, "--rates", RATES,
                       "--chips", CHIPS, "--json", chips)
        if not sharp.exists():
            maker.call("sharpness", checkpoint, *data, "--half", "train", "--images", "1000",
                       "--network", run.network, "--width", f"{run.width:g}",
                       *[o for o in run.data[2] if o in ("--input-channels", "1")], "--json", sharp)
        history = json.loads(trained.read_text())["epochs"][-1]
        zeros = history.get("zeros", {})
        sharpness = json.loads(sharp.read_text())
        lots = json.loads(chips.read_text())
        kept = {"name": run.name, "data": run.data[0], "network": run.network, "width": run.width,
                "sparse": run.sparse, "training": run.training,
                "settings": " ".join(run.train_options()), "commit": self.commit,
                "zeros": zeros, "error_free": lots["error_free"], "images": lots["images"],
                "rows": lots["rows"],
                "sharpness": {key: sharpness[key] for key in
                              ("loss", "ascent_loss", "top_eigenvalue", "trace")}}
        (self.out / "runs" / f"{run.name}.json").write_text(json.dumps(kept, indent=1) + "\n")

    def run(self, only):
        todo = []
        for run in plan():
            if not only(run.name):
                continue
            needs = run.data[3]
            if needs and not os.path.exists(os.path.join(self.maker.data, needs)):
                print(f"{run.name}: left out, STUCKAT_DATA has no {needs}")
            elif not (self.out / "runs" / f"{run.name}.json").exists():
                todo.append(run)
        began = time.time()
        for number, run in enumerate(todo):
            left = (time.time() - began) / number * (len(todo) - number) if number else 0
            rest = f", about {left / 60:.0f} min left" if number else ""
            print(f"[{number + 1}/{len(todo)}] {run.name}{rest}", flush=True)
            if run.data[0] == "CIFAR-10":
                self.maker.prepare_cifar()
            self.do(run)
            self.write()
        self.write()

    def write(self):
        runs = [json.loads(path.read_text()) for path in sorted((self.out / "runs").glob("*.json"))]
        (self.out / "README.md").write_text(page(runs))


def page(runs):
    lines = ["# Memory faults: sparse activations and flat minima", "",
             "<!-- Written by tools/reproduce --study memory. -->", "",
             f"Bits of the weight memories flipped at a rate, {CHIPS} chips each, over the whole test set. "
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
                  "| activations | training | zeros | no faults | " +
                  " | ".join(f"{100 * rate:g} %" for rate in rates) +
                  " | ascent loss - loss | top eigenvalue | trace |",
                  "|---|---|---|---|" + "---|" * (len(rates) + 3)]
        for r in sorted(some, key=lambda r: (r["sparse"], list(TRAININGS).index(r["training"]))):
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
        lines.append("")
        lines += trends(some)
    return "\n".join(lines) + "\n"


def trends(runs):
    """What the paper says, and whether it holds here: at the rate where it holds best."""
    by = {(r["sparse"], r["training"]): r for r in runs}

    def lost(a, b):
        """Greatest mean accuracy of b above a, and its rate."""
        return max((q["mean"] - p["mean"], p["rate"]) for p, q in zip(a["rows"], b["rows"]))

    lines = []

    def tell(claim, worse, better):
        if worse not in by or better not in by:
            return
        points, rate = lost(by[worse], by[better])
        lines.append(f"- {claim}: by {points:.2f} points at {100 * rate:g} %"
                     + ("" if points > 0 else ", so it does not hold") + ".")

    tell("sparse loses more than standard", (True, "plain"), (False, "plain"))
    tell("SAQ gains on sparse", (True, "plain"), (True, "saq"))
    tell("SAQ gains on standard", (False, "plain"), (False, "saq"))
    tell("sparse with SAQ beats plain standard", (False, "plain"), (True, "saq"))
    return [*lines, ""] if lines else []
