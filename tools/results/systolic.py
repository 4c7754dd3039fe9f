"""The study of systolic arrays (`tools/reproduce --study systolic`): broken PEs unmitigated, bypassed (FAP), and bypassed
and trained for (FAP+T); which register of a PE is worst; and in which layer a transient does most. What is done already is
kept."""

import csv
import json
import math
import os
import random
import statistics
import subprocess
from dataclasses import dataclass

from figures import Chart
from pages import compact

RATES = (4 / 65536, 0.001, 0.01, 0.1, 0.5)
CHANCE = 15  # %: of ten classes, with room; more broken PEs are then no news
KINDS = {"none": "unmitigated", "fap": "FAP", "fapt": "FAP+T"}
EXACT_TEST = "cifar10:{data}/cifar10/test_exact_first1017.bin.xz"
RESNET = "networks/mlperf-tiny/pretrainedResnet_quant.tflite"


@dataclass(frozen=True)
class Fap:
    """A network on an array, and chips with each share of broken PEs."""
    name: str
    title: str
    data: str  # in the tables
    train_on: str  # NAME:PATH; {data} is STUCKAT_DATA
    test_on: str
    needs: str  # below STUCKAT_DATA, empty: none
    train: tuple  # options of `stuckat train`; or one file below STUCKAT_DATA to import
    retrain: tuple  # the same for FAP+T
    used: tuple  # rows and columns of PEs that ever hold a weight
    test_images: int
    trained: int = 3  # chips that FAP+T trains for, the first ones
    chips: int = 10
    side: int = 256
    longer: tuple = ()  # a longer training for the first chip at the greatest rate


FAPS = (
    Fap("mlp", "MLP 784-256-256-256-10 in W8A8", "MNIST", "mnist:{data}/mnist", "mnist:{data}/mnist", "mnist",
        ("--network", "mlp-w8a8", "--epochs", "5", "--learning-rate", "0.005", "--schedule", "cosine"),
        ("--epochs", "1", "--learning-rate", "0.002", "--schedule", "cosine"), (256, 256), test_images=2000,
        longer=("--epochs", "15", "--learning-rate", "0.003", "--schedule", "cosine")),
    Fap("cnv", "CNV-W2A2 at a quarter of the width", "Fashion-MNIST", "fashion-mnist", "fashion-mnist", "",
        ("--network", "cnv-w2a2", "--width", "0.25", "--input-channels", "1", "--images", "20000", "--epochs", "10",
         "--learning-rate", "0.01", "--schedule", "cosine"),
        ("--images", "20000", "--epochs", "1", "--learning-rate", "0.002", "--schedule", "cosine"), (128, 128),
        test_images=2000, longer=("--images", "20000", "--epochs", "15", "--learning-rate", "0.01", "--schedule", "cosine")),
    Fap("resnet", "ResNet-8 in W8A8 (MLPerf Tiny)", "CIFAR-10", "cifar10:{data}/cifar10/train_exact_8068.bin.xz", EXACT_TEST,
        RESNET, (RESNET,),
        ("--epochs", "1", "--learning-rate", "0.0005", "--schedule", "cosine"), (64, 64), test_images=1017,
        longer=("--epochs", "8", "--learning-rate", "0.002", "--schedule", "cosine")),
)


@dataclass(frozen=True)
class Registers:
    """A network on an array, stuck bits of each register."""
    name: str
    title: str
    model: str  # "cnv" or "resnet"
    accelerator: str
    faults: int = 200  # of each register and value, all PEs and bits alike
    images: int = 200


REGISTERS = tuple(Registers(f"registers-cnv-{side}", f"CNV-W1A1 on {side}x{side}", "cnv", f"systolic:{side}x{side}")
                  for side in (8, 32, 128)) + (
    Registers("registers-resnet-32", "ResNet-8 in W8A8 on 32x32", "resnet", "systolic:32x32", 60, 100),)


@dataclass(frozen=True)
class Layers:
    """A network on an array, transients while a layer is computed."""
    name: str
    title: str
    model: str
    accelerator: str
    registers: tuple = ("a", "b", "w1", "valid")
    flips: int = 3000  # of each register in each layer: all PEs, bits, cycles and images alike
    images: int = 100


LAYERS = tuple(Layers(f"layers-{model}-32", f"{title} on 32x32", model, "systolic:32x32")
               for model, title in (("cnv", "CNV-W1A1"), ("resnet", "ResNet-8 in W8A8")))
NAMES = ("a", "b", "d", "w0", "w1", "product", "valid", "propagate", "bypass")


class Study:
    def __init__(self, options, commit):
        self.options, self.commit = options, commit
        self.data = os.environ.get("STUCKAT_DATA", "")
        self.work = options.work / "systolic"
        self.work.mkdir(parents=True, exist_ok=True)
        self.out = options.out / "systolic"
        self.out.mkdir(parents=True, exist_ok=True)

    def call(self, *args):
        command = [self.options.stuckat, *map(str, args)]
        print("  stuckat " + " ".join(command[1:]), flush=True)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def threads(self):
        return ["--threads", self.options.threads]

    def json_of(self, path, *args):
        """What the command writes with --json, unless it is there already."""
        if not path.exists():
            self.call(*args, "--json", path)
        return json.loads(path.read_text())

    def source(self, text):
        return ["--data", text.format(data=self.data)]

    def imported(self, name):
        """The published networks as models."""
        path = self.work / f"{name}.imported.h5"
        if path.exists():
            return path
        source = os.path.join(self.data, RESNET)
        network = []
        if name == "cnv":
            archive = os.path.join(self.data, "bnn-pynq/cifar10-cnvW1A1.tar.xz")
            subprocess.run(["tar", "-xJf", archive, "-C", self.work, "--strip-components=1"], check=True)
            source, network = self.work / "cnvW1A1", ["--network", "cnv-w1a1"]
        self.call("import", source, *network, *self.source(EXACT_TEST), "-o", path)
        return path

    # Bypassed PEs.

    def fap_model(self, row):
        if len(row.train) == 1:
            return self.imported(row.name)
        path = self.work / f"{row.name}.h5"
        if not path.exists():
            self.call("train", *row.train, *self.source(row.train_on), "--test-images", "0", *self.threads(), "-o", path)
        return path

    def lots(self, row, broken):
        """The same PEs of the same chips: with a bit of the partial sum stuck, and bypassed."""
        paths = {kind: self.work / f"{row.name}.{broken}.{kind}.csv" for kind in ("none", "fap")}
        lines = {kind: ["chip,fault"] for kind in paths}
        for chip in range(row.chips):
            draw = random.Random(1000 * chip + broken)
            for pe in draw.sample(range(row.side ** 2), broken):
                at = f"{chip},array/pe[{pe // row.side}][{pe % row.side}]"
                lines["none"].append(f"{at}/b[{draw.randrange(32)}]={draw.randrange(2)}")
                lines["fap"].append(f"{at}/bypass=1")
        for kind, path in paths.items():
            path.write_text("\n".join(lines[kind]) + "\n")
        return paths

    def further(self, row, model, stem, *faults, how=None):
        """The network after further training: that of FAP+T, or another one."""
        trained = self.work / f"{stem}.h5"
        if not trained.exists():
            self.call("train", "--from", model, *(how or row.retrain), *self.source(row.train_on), "--test-images", "0",
                      *faults, *self.threads(), "-o", trained)
        return trained

    def fap(self, row):
        model = self.fap_model(row)
        accelerator = ["--accelerator", f"systolic:{row.side}x{row.side}"]
        images = [*self.source(row.test_on), "--images", row.test_images, *self.threads()]
        healthy = self.json_of(self.work / f"{row.name}.healthy.json", "eval", model, *images)
        control = self.json_of(self.work / f"{row.name}.further.json", "eval",
                               self.further(row, model, f"{row.name}.further"), *images)
        rates = []
        for rate in RATES:
            broken = round(rate * row.side ** 2)
            lots = self.lots(row, broken)
            result = {"broken": broken}
            for kind, sites in (("none", "systolic/b"), ("fap", "systolic/bypass")):
                if kind == "none" and rates and lost(rates[-1]):
                    result[kind] = []
                    continue
                result[kind] = self.json_of(
                    self.work / f"{row.name}.{broken}.{kind}.json", "fleet", "evaluate", model, "--lot", lots[kind],
                    *accelerator, "--sites", sites, *images)["accuracy"]
            result["fapt"] = []
            for chip in range(row.trained):
                stem = f"{row.name}.{broken}.chip{chip}"
                faults = [*accelerator, "--fault-map", lots["fap"], "--chip", chip]
                trained = self.further(row, model, stem, *faults)
                result["fapt"].append(self.json_of(self.work / f"{stem}.json", "eval", trained, *images, *faults)["accuracy"])
            rates.append(result)
        longer = []
        if row.longer:
            stem = f"{row.name}.{broken}.longer"
            faults = [*accelerator, "--fault-map", lots["fap"], "--chip", 0]
            trained = self.further(row, model, stem, *faults, how=row.longer)
            longer.append({"retrain": " ".join(row.longer), "broken": broken,
                           "accuracy": self.json_of(self.work / f"{stem}.json", "eval", trained, *images, *faults)["accuracy"]})
        kept = {"name": row.name, "title": row.title, "data": row.data, "long": longer, "side": row.side, "used": row.used,
                "images": healthy["images"], "train": " ".join(row.train), "retrain": " ".join(row.retrain),
                "commit": self.commit, "healthy": healthy["accuracy"], "further": control["accuracy"], "rates": rates}
        (self.out / f"{row.name}.json").write_text(compact(kept))

    # Registers.

    def draw(self, row, model, register, faults, *seed, value):
        """Names of faults, without repetition; value(draw): what stands behind the =."""
        counts = self.json_of(self.work / f"{row.name}.{register}.sites.json", "info", "sites", "--site",
                              "systolic/" + register, "--accelerator", row.accelerator, "--model", model)["sites"][0]["parts"][0]
        part, counts = counts["part"], list(counts["counts"].values())
        draw = random.Random(register + "".join(map(str, seed)))
        names = set()
        while len(names) < min(faults, math.prod(counts)):
            at = [draw.randrange(n) for n in counts]
            names.add(f"{part}/pe[{at[0]}][{at[1]}]/{register}" + (f"[{at[2]}]" if len(at) > 2 else "") + f"={value(draw)}")
        return sorted(names)

    def campaign(self, row, model, stem, names):
        """The rows of its table, the fault-free run first."""
        table, faults, result = (self.work / f"{row.name}.{stem}.{kind}" for kind in ("csv", "txt", "h5"))
        if not table.exists():
            faults.write_text("\n".join(names) + "\n")
            self.call("campaign", model, *self.source(EXACT_TEST), "--accelerator", row.accelerator, "--faults",
                      f"list:{faults}", "--images", row.images, *self.threads(), "--verify", "2", "--resume",
                      "-o", result, "--csv", table)
        with open(table, newline="") as lines:
            return [line for line in csv.DictReader(lines) if line["id"] != "error-free"]

    def registers(self, row):
        model = self.imported(row.model)
        results = []
        for register in NAMES:
            for value in [1] if register == "bypass" else [0, 1]:
                rows = self.campaign(row, model, f"{register}{value}",
                                     self.draw(row, model, register, row.faults, value, value=lambda _: value))
                results.append({"register": register, "value": value,
                                "accuracy": [float(line["accuracy"]) for line in rows],
                                "changed": sum(int(line["critical"]) > 0 for line in rows)})
                healthy = float(rows[0]["error_free_accuracy"])
        kept = {"name": row.name, "title": row.title, "accelerator": row.accelerator, "images": row.images,
                "commit": self.commit, "healthy": healthy, "registers": results}
        (self.out / f"{row.name}.json").write_text(compact(kept))


    # Layers.

    def layers(self, row):
        model = self.imported(row.model)
        timing = self.json_of(self.work / f"{row.name}.timing.json", "sim", model, "--accelerator", row.accelerator,
                              "--timing-only", "--images", row.images)
        results, begin = [], 0
        for layer in timing["layers"]:
            start, begin = begin, begin + layer["cycles"]
            if layer["utilisation"] == 0:  # no PE multiplies
                continue
            result = {"layer": layer["name"], "cycles": layer["cycles"], "utilisation": layer["utilisation"], "critical": {}}
            for register in row.registers:
                def flip(draw, start=start, end=begin):
                    return f"flip@{draw.randrange(row.images) * timing['interval_cycles'] + draw.randrange(start, end)}"

                rows = self.campaign(row, model, f"{register}.{layer['name']}",
                                     self.draw(row, model, register, row.flips, layer["name"], value=flip))
                result["critical"][register] = [sum(int(line["critical"]) > 0 for line in rows), len(rows)]
            results.append(result)
        if begin != timing["interval_cycles"]:
            raise SystemExit(f"{row.name}: layers take {begin} cycles, an image {timing['interval_cycles']}")
        kept = {"name": row.name, "title": row.title, "accelerator": row.accelerator, "images": row.images,
                "commit": self.commit, "layers": results}
        (self.out / f"{row.name}.json").write_text(compact(kept))


def lost(rate):
    """Without mitigation there is nothing left to lose."""
    return not rate["none"] or statistics.mean(rate["none"]) <= CHANCE


def of_chips(values):
    if not values:
        return "- | -"
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f} | {min(values):.2f}"


def fap_table(kept):
    lines = ["| broken PEs | " + " | ".join(f"{name} | worst" for name in KINDS.values()) + " |",
             "|---|" + "---|" * (2 * len(KINDS))]
    for rate in kept["rates"]:
        share = 100 * rate["broken"] / kept["side"] ** 2
        lines.append(f"| {rate['broken']:,} ({share:.2g} %) | " + " | ".join(of_chips(rate[kind]) for kind in KINDS) + " |")
    return lines


def fap_picture(kept):
    names = [(i, f"{100 * r['broken'] / kept['side'] ** 2:.2g}") for i, r in enumerate(kept["rates"])]
    chart = Chart(f"{kept['title']}, {kept['data']}: broken PEs", "broken PEs in %", "accuracy in %",
                  (-0.3, len(names) - 0.7), (0, 100), names)
    for shift, (kind, name) in enumerate(KINDS.items()):
        some = [(i + 0.08 * (shift - 1), r[kind]) for i, r in enumerate(kept["rates"]) if r[kind]]
        chart.line(name, [(x, statistics.mean(chips)) for x, chips in some],
                   spread=[(x, min(chips), max(chips)) for x, chips in some])
    chart.line("healthy", [(-0.3, kept["healthy"]), (len(names) - 0.7, kept["healthy"])], marks=False)
    return chart.str()


def interval(values):
    """Mean with its 95 % interval (normal): over faults like these."""
    mean = statistics.mean(values)
    half = 1.96 * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def registers_table(kept):
    lines = ["| register | stuck at | mean accuracy | 95 % interval | worst | change no prediction |", "|---|---|---|---|---|---|"]
    for r in kept["registers"]:
        mean, low, high = interval(r["accuracy"])
        count = len(r["accuracy"])
        lines.append(f"| {r['register']} | {r['value']} | {mean:.2f} | {low:.2f} .. {high:.2f} | {min(r['accuracy']):.2f} | "
                     f"{count - r['changed']} of {count} |")
    return lines


def registers_picture(kept):
    names = [(i, name) for i, name in enumerate(NAMES)]
    every = [r for r in kept["registers"]]
    low = min(interval(r["accuracy"])[1] for r in every)
    chart = Chart(f"{kept['title']}: one bit stuck, mean and its 95 % interval", "register", "accuracy in %",
                  (-0.6, len(names) - 0.4), (math.floor(low) - 1, math.ceil(kept["healthy"]) + 1), names)
    for value in (0, 1):
        some = [(NAMES.index(r["register"]) + 0.2 * (value - 0.5), r) for r in every if r["value"] == value]
        chart.points(f"stuck at {value}", [(x, *interval(r["accuracy"])) for x, r in some])
    chart.line("healthy", [(-0.6, kept["healthy"]), (len(names) - 0.4, kept["healthy"])], marks=False)
    return chart.str()


def wilson(hits, of):
    """Share in percent with its 95 % interval (Wilson 1927)."""
    z, p = 1.96, hits / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return 100 * p, 100 * max(0, middle - half), 100 * (middle + half)


def layers_table(kept):
    registers = list(kept["layers"][0]["critical"])
    lines = ["| layer | cycles | used | " + " | ".join(registers) + " |", "|---|---|---|" + "---|" * len(registers)]
    for r in kept["layers"]:
        cells = ["{:.1f} ({:.1f} .. {:.1f})".format(*wilson(*r["critical"][name])) for name in registers]
        lines.append(f"| {r['layer']} | {r['cycles']:,} | {100 * r['utilisation']:.1f} % | " + " | ".join(cells) + " |")
    return lines


def layers_picture(kept):
    names = [(i, r["layer"]) for i, r in enumerate(kept["layers"])]
    registers = list(kept["layers"][0]["critical"])
    high = max(wilson(*r["critical"][name])[2] for r in kept["layers"] for name in registers)
    chart = Chart(f"{kept['title']}: flips while a layer is computed", "layer", "change the prediction, %",
                  (-0.6, len(names) - 0.4), (0, math.ceil(high)), names)
    for shift, register in enumerate(registers):
        chart.points(register, [(i + 0.15 * (shift - 1.5), *wilson(*r["critical"][register]))
                                for i, r in enumerate(kept["layers"])])
    return chart.str()


def claims(fap):
    """What Zhang et al. say, and whether it holds here: a line each."""
    pes = fap["side"] ** 2

    def greatest(kind, reference):
        """Share of broken PEs up to which chips lose at most a point on average."""
        kept = 0
        for rate in fap["rates"]:
            if reference - statistics.mean(rate[kind]) > 1:
                break
            kept = rate["broken"]
        return f"{100 * kept / pes:.2g} %" if kept else "none"

    unmitigated = fap["healthy"] - statistics.mean(fap["rates"][0]["none"])
    half = statistics.mean(fap["rates"][-1]["fapt"])
    best = max([half] + [long["accuracy"] for long in fap.get("long", [])])
    drop = fap["healthy"] - best
    return [f"| {fap['title']} | {unmitigated:.2f}: {'holds' if unmitigated >= 10 else 'does not hold'} | "
            f"{greatest('fap', fap['healthy'])} | {greatest('fapt', fap['further'])} | {fap['healthy'] - half:.2f} | "
            f"{fap['further'] - half:.2f} | {'-' if best == half else f'{drop:.2f}'} | {'holds' if drop <= 1 else 'does not hold'} |"]


def write_page(out):
    def kept_of(rows):
        return [json.loads((out / f"{row.name}.json").read_text()) for row in rows if (out / f"{row.name}.json").exists()]

    faps, tables, by_layer = kept_of(FAPS), kept_of(REGISTERS), kept_of(LAYERS)
    lines = ["# Systolic arrays: bypassed PEs, the worst register, and the worst layer", "",
             "Made by `tools/reproduce --study systolic` from the numbers in the JSON files beside this page; what the words mean is",
             "in [systolic.md](../../systolic.md). Weight-stationary, mapping `channel`. Accuracies in percent.", "",
             "## Bypassed PEs", "",
             "Of each chip the same PEs: *unmitigated*, a random bit of each one's 32-bit partial sum stuck at a random value;",
             "*FAP*, bypassed; *FAP+T*, bypassed and the network trained further with those products at 0. Mean ± standard",
             "deviation over chips, and the worst chip; -: not computed, since less broken PEs are at chance already (a mean of at",
             f"most {CHANCE} %). Bars in the pictures go from the worst chip to the best.", "",
             "Zhang et al. (VTS 2018) report that 4 faulty PEs of 65,536 ruin accuracy when nothing is done, and that FAP+T works up to",
             "50 % faulty PEs with a drop as low as 0.1 %. Their training is not public. Here, in points, *ruin* being 10 or more and",
             "*works* at most 1, after one epoch of further training: where that does not hold, a longer one may. *Control* is the deployed network after the further training of FAP+T without faults:", "",
             "| network | lost by 4 PEs unmitigated | FAP loses at most 1 up to | FAP+T at most 1 of the control up to | FAP+T at 50 % loses | "
             "of the control | trained longer | works at 50 % |", "|---|---|---|---|---|---|---|---|"]
    for fap in faps:
        lines += claims(fap)
    for fap in faps:
        used = fap["used"]
        lines += ["", f"### {fap['title']}, {fap['data']}", "",
                  f"{len(fap['rates'][0]['fap'])} chips of each rate, trained for the first {len(fap['rates'][0]['fapt'])}; {fap['images']:,} test images, commit {fap['commit']}. Healthy "
                  f"{fap['healthy']:.2f} %; after the further training without faults {fap['further']:.2f} %. The network never uses "
                  f"more than {used[0]} x {used[1]} of the PEs ({100 * used[0] * used[1] / fap['side'] ** 2:.3g} %)."]
        made = f"by `train {fap['train']}`" if fap["train"].startswith("--") else f"imported from `{fap['train']}`"
        lines += [f"Deployed network {made}; FAP+T: `{fap['retrain']}`.", "",
                  f"![accuracy over broken PEs]({fap['name']}.svg)", "", *fap_table(fap)]
        for longer in fap.get("long", []):
            lines += ["", f"The first chip with {longer['broken']:,} broken PEs, trained longer (`{longer['retrain']}`): {longer['accuracy']:.2f} %."]
        (out / f"{fap['name']}.svg").write_text(fap_picture(fap))
    lines += not_run(out, FAPS)
    lines += ["", "## Which register is worst", "",
              "Stuck bits of each register and value drawn over all PEs and bits (all of them where there are fewer), on published",
              "networks and exact CIFAR-10 test images. The interval is that of the mean over such faults on these images (normal)."]
    for table in tables:
        lines += ["", f"### {table['title']}", "",
                  f"{table['images']} images, {table['healthy']:.2f} % without faults, commit {table['commit']}. {ranking(table)}", "",
                  f"![mean accuracy by register]({table['name']}.svg)", "", *registers_table(table)]
        (out / f"{table['name']}.svg").write_text(registers_picture(table))
    lines += not_run(out, REGISTERS)
    lines += ["", "## First layers against last", "",
              "A bit of a register inverted in one cycle while a layer is computed: share of such transients that change the",
              "prediction of the image at work, in percent, with its 95 % interval (Wilson). PEs, bits, cycles and images are drawn",
              "alike, idle PEs among them (*used*: share of the PEs' cycles that multiply)."]
    for table in by_layer:
        drawn = sum(of for r in table["layers"] for _, of in r["critical"].values())
        lines += ["", f"### {table['title']}", "", f"{drawn:,} transients, {table['images']} images, commit {table['commit']}.", "",
                  f"![share of transients that change a prediction, by layer]({table['name']}.svg)", "", *layers_table(table)]
        (out / f"{table['name']}.svg").write_text(layers_picture(table))
    lines += not_run(out, LAYERS)
    (out / "README.md").write_text("\n".join(lines) + "\n")


def not_run(out, rows):
    """What the study would compute as well."""
    names = [f"{row.title} (`--only '^{row.name}$'`)" for row in rows if not (out / f"{row.name}.json").exists()]
    return ["", "Not run yet: " + "; ".join(names) + "."] if names else []


def ranking(table):
    """The worst register, and those that are no better beyond doubt."""
    ordered = sorted(table["registers"], key=lambda r: statistics.mean(r["accuracy"]))
    limit = interval(ordered[0]["accuracy"])[2]
    name = lambda r: f"`{r['register']}` at {r['value']}"
    alike = [name(r) for r in ordered[1:] if interval(r["accuracy"])[1] <= limit]
    return f"Worst: {name(ordered[0])}" + (f"; within its interval {', '.join(alike)}." if alike else
                                           f", then {name(ordered[1])}; their intervals do not meet.")


def main(options, commit, pattern):
    rows = [(row, kind) for kind, some in (("fap", FAPS), ("registers", REGISTERS), ("layers", LAYERS)) for row in some]
    rows = [(row, kind) for row, kind in rows if pattern.search(row.name)]
    if options.list:
        print("\n".join(row.name for row, _ in rows))
        return 0
    study = Study(options, commit)
    for row, kind in rows:
        if options.pages or (study.out / f"{row.name}.json").exists():
            continue
        needs = row.needs if kind == "fap" else {"cnv": "bnn-pynq", "resnet": RESNET}[row.model]
        if needs and not os.path.exists(os.path.join(study.data, needs)):
            print(f"{row.name}: left out, STUCKAT_DATA has no {needs}")
            continue
        print(row.name, flush=True)
        getattr(study, kind)(row)
        write_page(study.out)
    write_page(study.out)
    return 0
