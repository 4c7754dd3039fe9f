"""The study of fleets (`tools/reproduce --study fleets`): lots of broken chips on several accelerators, every policy.

Each row is a network on an accelerator with one resilience map, and lots of chips for it; each lot is carried out for each
constraint. What is done already is kept."""

import json
import os
import pathlib
import subprocess
from dataclasses import dataclass

import sources
from figures import Chart
from sources import DEGRADED

POLICIES = "fap,salvage,fixed,reduce,tre-map,random,efat,one"
REPAIRS = {"": "fixed", "reschedule": "fap,fixed,reduce,efat", "spares": "fap,fixed,reduce,efat",
           "spares,reschedule": "fap,fixed,reduce,efat"}  # policies after each
FIXED_IMAGES = 1000  # of the policy fixed beside repairs
CHIPS = 100
REPEATS = 3  # chips of each rate of a resilience map
TEST_IMAGES = 2000


@dataclass(frozen=True)
class Lot:
    name: str
    options: tuple  # of `stuckat faults new`, on the sites that break


@dataclass(frozen=True)
class Row:
    name: str
    data: str  # name in the tables
    source: str  # NAME:PATH; {data} is STUCKAT_DATA, {work} the working folder
    needs: str  # file under STUCKAT_DATA, empty: none
    train: tuple  # options of `stuckat train`
    images: tuple  # training and validation images of retraining
    accelerator: str
    sites: str
    rates: str
    amounts: str
    learning_rate: str
    lots: tuple
    drops: tuple = (1, 2)
    group_size: int = 5
    repaired: bool = False  # REPAIRS as well
    test_images: int = TEST_IMAGES


def bypassed(pes, rates):
    """Lots of an array: Poisson at each mean rate, and one whose chips differ (negative binomial, alpha 1)."""
    lots = [Lot(f"{100 * rate:g} %", ("--mean", f"{rate * pes:g}")) for rate in rates]
    mixed = sum(rates) / len(rates)
    lots.append(Lot(f"mixed, {100 * mixed:g} %", ("--mean", f"{mixed * pes:g}", "--alpha", "1")))
    return tuple(lots)


CNV = ("--network", "cnv-w2a2", "--width", "0.25", "--learning-rate", "0.005", "--schedule", "cosine")
FASHION = CNV + ("--input-channels", "1", "--images", "20000", "--epochs", "8", "--test-images", "0")
RESNET = ("--network", "resnet-8-w4a4", "--learning-rate", "0.005", "--schedule", "cosine", "--flip", "--crop", "4",
          "--images", "20000", "--epochs", "15", "--test-images", "0")
GTSRB = CNV + ("--epochs", "10", "--test-images", "2000")

ROWS = (
    Row("systolic-fashion", "Fashion-MNIST", "fashion-mnist", "", FASHION, (20000, 4000),
        "systolic:256x256", "systolic/bypass", "1,2,3,4,6", "500,1000,2000,4000", "0.001",
        bypassed(65536, (0.02, 0.03)), (2, 1)),
    Row("systolic-gtsrb", "GTSRB", "gtsrb:{work}/gtsrb", "gtsrb/gtsrb_train_32x32.bin.xz", GTSRB, (-1, 2000),
        "systolic:256x256", "systolic/bypass", "1,2,5,10", "500,1000,2000,4000", "0.001",
        bypassed(65536, (0.02, 0.006, 0.05))),
    Row("systolic-cifar", "CIFAR-10", "images:{work}/cifar10-exact-test", DEGRADED, RESNET, (20000, 2000),
        "systolic:256x256", "systolic/bypass", "1,2,5,10", "500,1000,2000,4000", "0.001", bypassed(65536, (0.02, 0.01)),
        test_images=1017),
    Row("loopback-fashion", "Fashion-MNIST", "fashion-mnist", "", FASHION, (20000, 2000),
        "loopback:32x32", "pe/dead", "3.2,6.3,9.4,12.5", "500,1000,2000,4000", "0.001",
        bypassed(32, (0.02, 0.05)), repaired=True),
    Row("dataflow-fashion", "Fashion-MNIST", "fashion-mnist", "", FASHION, (20000, 2000),
        "dataflow:auto:1000", "pe/dead", "1,2,4,8", "500,1000,2000,4000", "0.001",
        (Lot("mean 1", ("--mean", "1")), Lot("mean 2, alpha 1", ("--mean", "2", "--alpha", "1"))), repaired=True),
)


class Study:
    def __init__(self, options):
        self.options = options
        self.data = os.environ.get("STUCKAT_DATA", "")
        options.work.mkdir(parents=True, exist_ok=True)
        self.out = options.out / "fleets"
        self.out.mkdir(parents=True, exist_ok=True)

    def call(self, *args):
        command = [self.options.stuckat, *map(str, args)]
        print("  stuckat " + " ".join(command[1:]), flush=True)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def once(self, path, *args):
        """The command that makes `path`, unless it is there."""
        if not path.exists():
            self.call(*args)
        return path

    def resilience(self, row, hardware, images, repair):
        """The map and its numbers. repair: options."""
        stem = self.options.work / "-".join((row.name, *repair[1:]))
        path, measured = stem.with_suffix(".resilience.h5"), stem.with_suffix(".resilience.json")
        self.once(measured, "fleet", "resilience", *hardware, *images, "--threads", self.options.threads, *repair, "--rates",
                  row.rates, "--repeats", REPEATS, "--amounts", row.amounts, "--learning-rate", row.learning_rate,
                  "-o", path, "--json", measured)
        return path, measured

    def repaired(self, row, hardware, images, chips, number, drop):
        """The lot under REPAIRS. Chips that are rescheduled have a resilience map of their own."""
        results = []
        for repair, policies in REPAIRS.items():
            moved = ("--repair", "reschedule") if "reschedule" in repair else ()
            path, _ = self.resilience(row, hardware, images, moved)
            stem = self.options.work / f"{row.name}.lot{number}.drop{drop}.{repair or 'fixed'}"
            result, report = pathlib.Path(f"{stem}.h5"), pathlib.Path(f"{stem}.json")
            options = ("--repair", repair) if repair else ()
            self.once(report, "fleet", "train", *hardware, "--lot", chips, "--resilience", path, "--drop", drop, "--policies",
                      policies, "--fixed-images", FIXED_IMAGES, *options, *images, "--threads", self.options.threads,
                      "--test-images", row.test_images, "--networks", self.options.work / f"{row.name}.networks",
                      "-o", result, "--json", report)
            kept = shortened(json.loads(report.read_text()))
            results.append({key: kept[key] for key in ("repair", "spares", "resilience_images", "outcomes")})
        return results

    def run(self, row, commit):
        work = self.options.work
        sources.prepare(row.source, work, self.data)
        data = ["--data", row.source.format(data=self.data, work=work)]
        threads = ["--threads", self.options.threads]
        stem = f"fleet-{row.data.lower()}"
        model = work / f"{stem}.model.h5"
        self.once(model, "train", *row.train, *data, "--checkpoint", work / f"{stem}.checkpoint", "-o", model, *threads)
        hardware = [model, "--accelerator", row.accelerator, "--sites", row.sites]
        images = data + ["--images", row.images[0], "--validation-images", row.images[1]]
        map_path, measured = self.resilience(row, hardware, images, ())
        kept = {"name": row.name, "data": row.data, "accelerator": row.accelerator, "sites": row.sites,
                "train": " ".join(row.train), "learning_rate": row.learning_rate, "commit": commit, "lots": len(row.lots) * len(row.drops),
                "test_images": row.test_images, "resilience": json.loads(measured.read_text()), "results": []}
        done, kept["commit"] = known(self.out / f"{row.name}.json", kept)
        for number, lot in enumerate(row.lots):
            chips = work / f"{row.name}.lot{number}.h5"
            self.once(chips, "faults", "new", "--model", model, "--accelerator", row.accelerator, "--sites", row.sites,
                      *lot.options, "--chips", CHIPS, "--seed", number + 1, "-o", chips)
            for drop in row.drops:
                result = done.get((lot.name, drop))
                if result is None:
                    result = {"lot": lot.name, "drop": drop, **self.trained(row, hardware, images, chips, map_path, number, drop)}
                if row.repaired and "repaired" not in result:
                    result["repaired"] = self.repaired(row, hardware, images, chips, number, drop)
                kept["results"].append(result)
                (self.out / f"{row.name}.json").write_text(json.dumps(kept, indent=1) + "\n")
                write_page(self.out)

    def trained(self, row, hardware, images, chips, map_path, number, drop):
        """The lot under POLICIES."""
        stem = f"{row.name}.lot{number}.drop{drop}"
        result, report, plans, page = (self.options.work / f"{stem}.{what}" for what in ("h5", "json", "plan.json", "html"))
        plan = ["--lot", chips, "--resilience", map_path, "--drop", drop, "--policies", POLICIES, "--group-size", row.group_size]
        self.once(report, "fleet", "train", *hardware, *plan, *images, "--threads", self.options.threads, "--test-images",
                  row.test_images, "--networks", self.options.work / f"{row.name}.networks", "-o", result, "--json", report)
        self.once(plans, "fleet", "plan", *hardware, *plan, "--json", plans)
        self.once(page, "report", "--fleet", f"{row.name}={result}", "--resilience", f"{row.name}={map_path}", "-o", page)
        return {**shortened(json.loads(report.read_text())), **planned(json.loads(plans.read_text()))}


def known(path, kept):
    """Lots of `kept` that an earlier call has computed, by (lot, drop), and the commits of all. None where the map is
    another one now: the network is, or what is computed."""
    if not path.exists():
        return {}, kept["commit"]
    earlier = json.loads(path.read_text())
    if any(earlier.get(key) != kept[key] for key in ("accelerator", "sites", "train", "learning_rate", "resilience")):
        return {}, kept["commit"]
    commits = earlier["commit"].split(", ")
    return ({(result["lot"], result["drop"]): result for result in earlier["results"]},
            ", ".join(commits + [kept["commit"]] * (kept["commit"] not in commits)))


def is_complete(path, repaired=False):
    """All lots of the row are there."""
    if not path.exists():
        return False
    kept = json.loads(path.read_text())
    return len(kept["results"]) == kept["lots"] and (not repaired or all("repaired" in r for r in kept["results"]))


def planned(plans):
    """What the page says of the resilience curve: e0, f_max, and what chips and their unions need (`ask`)."""
    ask = {plan["policy"]: [group["images"] for group in plan["groups"] if group["images"] > 0] for plan in plans["plans"]}
    needs = {f"{name}_{what}": value for policy, name in (("reduce", "chip"), ("tre-map", "union"))
             for what, value in (("images", mean(ask[policy])), ("networks", len(ask[policy])))}
    return {"greatest_rate": plans["greatest_rate"], "fixed_part": plans["fixed_part"], **needs}


def shortened(report):
    for outcome in report["outcomes"]:
        accuracies = sorted(outcome.pop("test"))
        outcome.pop("validation")
        outcome["least"], outcome["median"] = accuracies[0], accuracies[len(accuracies) // 2]
    return report


def mean(values):
    values = [v for v in values if v is not None]
    return sum(values) / len(values) if values else None


def resilience_table(kept):
    r = kept["resilience"]
    repeats = len(r["runs"]) // len(r["rates"])
    lines = ["| rate | " + " | ".join(f"{a:,}" for a in r["amounts"]) + " |", "|---|" + "---|" * len(r["amounts"])]
    for i, rate in enumerate(r["rates"]):
        runs = r["runs"][i * repeats:(i + 1) * repeats]
        cells = [mean([run["accuracy"][a] for run in runs]) for a in range(len(r["amounts"]))]
        lines.append(f"| {100 * rate:.3g} % | " + " | ".join("-" if c is None else f"{c:.2f}" for c in cells) + " |")
    return lines


def bill(result, outcome):
    return outcome["images"] + (0 if outcome["policy"] in ("fap", "salvage", "fixed") else result["resilience_images"])


def outcome_table(result):
    chips = result["chips"]
    lines = ["| policy | sold | networks | images | with the map | least | median |", "|---|---|---|---|---|---|---|"]
    for o in result["outcomes"]:
        lines.append(f"| `{o['policy']}` | {100 * o['sold'] / chips:.0f} % | {o['networks']} | {o['images']:,} | "
                     f"{bill(result, o):,} | {o['least']:.2f} | {o['median']:.2f} |")
    return lines


def repaired_table(result):
    """What repairs sell, and what is retrained after them; nothing without."""
    if "repaired" not in result:
        return []
    chips = result["chips"]
    lines = ["", f"Repaired first (`--repair`), then what still misses the constraint by policy; `fixed` is {FIXED_IMAGES:,} images each.", "",
             "| repair | policy | sold | networks | orders | images | with the map | least | median |",
             "|---|---|---|---|---|---|---|---|---|"]
    for repaired in result["repaired"]:
        for o in repaired["outcomes"]:
            lines.append(f"| {repaired['repair'] or 'none'} | `{o['policy']}` | {100 * o['sold'] / chips:.0f} % | {o['networks']} | "
                         f"{o['orders']} | {o['images']:,} | {bill(repaired, o):,} | {o['least']:.2f} | {o['median']:.2f} |")
    return lines + ["", repair_verdict(result)]


def repair_verdict(result):
    """Whether repair sells more, and what retraining adds to it, in a sentence."""
    best = max(result["outcomes"], key=lambda o: o["sold"])
    alone = max((o for r in result["repaired"] if not r["repair"] for o in r["outcomes"]), key=lambda o: o["sold"])
    parts = []
    for repaired in result["repaired"]:
        if not repaired["repair"]:
            continue
        by = {o["policy"]: o for o in repaired["outcomes"]}
        most = max(repaired["outcomes"], key=lambda o: o["sold"])
        more = most["sold"] - by["fap"]["sold"]
        parts.append(f"{repaired['repair']}: {by['fap']['sold']}, " + (
            f"{more} more after `{most['policy']}` of {most['images']:,} images" if more else "retraining adds none"))
    spares = next((r["spares"] for r in result["repaired"] if r["spares"]["pes"]), None)
    cost = (f" A spare in each array takes {spares['pes']} PEs, {spares['multipliers']:,} multipliers and {spares['memory_bits']:,} "
            "bits of memory." if spares else "")
    return (f"Without repair {max(best['sold'], alone['sold'])} chips are sold at most, with {alone['images']:,} images of `fixed` "
            f"{alone['sold']}. Sold by repair alone and with retraining: " + "; ".join(parts) + "." + cost)


def targets(kept):
    """A row for each lot: does eFAT sell what Reduce sells, with how much of its retraining."""
    rows = []
    for result in kept["results"]:
        by = {o["policy"]: o for o in result["outcomes"]}
        efat, reduce, fixed, tre = by["efat"], by["reduce"], by["fixed"], by["tre-map"]

        def judged(part, whole, holds):
            return "nothing to retrain" if whole == 0 or part == 0 else (
                f"{part / whole:.2f}: {'holds' if holds(part / whole) else 'does not hold'}")
        rows.append(f"| {kept['name']} | {result['lot']} | {result['drop']} | {efat['sold']} of {reduce['sold']} | "
                    + " | ".join((judged(bill(result, efat), bill(result, reduce), lambda r: r <= 0.5),
                                  judged(efat["images"], reduce["images"], lambda r: r <= 0.5),
                                  judged(bill(result, efat), fixed["images"], lambda r: r <= 0.2),
                                  judged(reduce["images"], tre["images"], lambda r: r >= 1.4))) + " |")
    return rows


def verdict(result):
    """What the targets of the study say about one lot, in a sentence."""
    by = {o["policy"]: o for o in result["outcomes"]}
    efat, reduce, fixed, tre = by["efat"], by["reduce"], by["fixed"], by["tre-map"]
    ratio = lambda a, b: "-" if b == 0 else f"{a / b:.2f}"
    chip, union = result["chip_images"], result["union_images"]
    if chip and result["union_networks"] == result["chip_networks"]:
        sub = (f"Under E, broken chips need {chip:,.0f} images each on average; no two of them stay within f_max together, so that "
               "nothing is shared. ")
    elif chip and union:
        together = union * result["union_networks"] / (chip * result["chip_networks"])
        sub = (f"Under E, broken chips need {chip:,.0f} images each, TRE-Map's unions {union:,.0f} each, in all {together:.2f} of "
               f"what their chips need by themselves: E is {'' if together < 1 else 'not '}sub-additive here. ")
    else:
        sub = ""
    if reduce["images"] == 0 and efat["images"] == 0:
        return (f"No chip that retraining is known to help needs any: eFAT and Reduce sell {efat['sold']} and {reduce['sold']} chips with "
                "the deployed network.")
    return (sub + f"eFAT sells {efat['sold']} chips and Reduce {reduce['sold']}, with {ratio(efat['images'], reduce['images'])} of its "
            f"retraining ({ratio(bill(result, efat), bill(result, reduce))} with the resilience map in both bills) and "
            f"{ratio(bill(result, efat), fixed['images'])} of the fixed amount's, map included (which sells {fixed['sold']}); "
            f"TRE-Map trains {ratio(tre['images'], reduce['images'])} of Reduce's and sells {tre['sold']}.")


def spread(kept):
    """Where chips of one rate end far from each other, a rate says little about a chip: a sentence, or nothing."""
    r = kept["resilience"]
    repeats = len(r["runs"]) // len(r["rates"])
    ends = []
    for i, rate in enumerate(r["rates"]):
        some = [run["accuracy"][-1] for run in r["runs"][i * repeats:(i + 1) * repeats] if run["accuracy"][-1] is not None]
        if some:
            ends.append((max(some) - min(some), rate, min(some), max(some)))
    width, rate, least, most = max(ends, default=(0, 0, 0, 0))
    if width < 10:
        return ""
    return (f" Chips with {100 * rate:.3g} % of the sites broken end between {least:.2f} and {most:.2f} % after {r['amounts'][-1]:,} "
            "images: here it is not how many are broken that decides, but which, and a policy that knows rates alone cannot tell "
            "whom retraining helps.")


def picture(kept):
    r = kept["resilience"]
    rates = [100 * rate for rate in r["rates"]]
    repeats = len(r["runs"]) // len(rates)
    curves = []
    for a, amount in enumerate(r["amounts"]):
        cells = [mean([run["accuracy"][a] for run in r["runs"][i * repeats:(i + 1) * repeats]]) for i in range(len(rates))]
        curves.append((f"{amount:,} images", [(x, c) for x, c in zip(rates, cells) if c is not None]))
    seen = [y for _, points in curves for _, y in points] + [r["deployed"]]
    chart = Chart(f"{kept['name']}: accuracy after retraining", "share of the sites broken, %", "accuracy, %",
                  (0, rates[-1]), (min(seen) - 1, max(seen) + 1))
    for name, points in curves:
        chart.line(name, points)
    return chart.str()


def write_page(out):
    kept = [json.loads(p.read_text()) for p in sorted(out.glob("*.json"))]
    lines = ["# Fleets", "",
             "Made by `tools/reproduce --study fleets`; what the words mean is in [fleets](../../fleets.md). Images are images of",
             f"retraining; {CHIPS} chips a lot; *with the map*: with what measuring E(f) has cost. Constraints are on validation",
             "images, *least* and *median* accuracies in percent on test images."]
    lines += ["", "Targets: eFAT sells what Reduce sells with at most half of its retraining and a fifth of the fixed amount's, TRE-Map is 1.4",
              "times as fast as Reduce (Hoang et al.). The resilience map is in the bills of Reduce and eFAT but where the column says no.", "",
              "| row | lot | points below | sold by eFAT, of Reduce's | eFAT / Reduce | without the map | eFAT / fixed | Reduce / TRE-Map, without the map |",
              "|---|---|---|---|---|---|---|---|"]
    for row in kept:
        lines += targets(row)
    for row in kept:
        lines += ["", f"## {row['data']} on {row['accelerator']}, `{row['sites']}`", "",
                  f"Commit {row['commit']}; {len(row['results'])} of {row['lots']} lots and constraints are done. Deployed: {row['resilience']['deployed']:.2f} % on validation images. "
                  f"Mean accuracies after retraining, by rate of faults and images; the map has cost "
                  f"{row['resilience']['cost']:,} images.", "", f"![accuracy over rate]({row['name']}.svg)", ""]
        lines += resilience_table(row)
        data = row["results"][0]["data"]
        made = f"Deployed network by `train {row['train']}`. " if "train" in row else ""
        lines += ["", f"{made}Of each rate "
                  f"{len(row['resilience']['runs']) // len(row['resilience']['rates'])} chips; retraining on up to "
                  f"{data['train_images']:,} images, {data['validation_images']:,} for validation, so that a point is "
                  f"{data['validation_images'] / 100:g} of them; {row.get('test_images', TEST_IMAGES):,} test images.{spread(row)}"]
        for result in row["results"]:
            lines += ["", f"### Lot of {result['lot']}, {result['drop']} point{'s' if result['drop'] > 1 else ''} below", "",
                      f"e0 {result['fixed_part']:,} images, f_max {100 * result['greatest_rate']:.3g} %. " + verdict(result), ""]
            lines += outcome_table(result) + repaired_table(result)
        (out / f"{row['name']}.svg").write_text(picture(row))
    (out / "README.md").write_text("\n".join(lines) + "\n")


def main(options, commit, pattern):
    study = Study(options)
    rows = [row for row in ROWS if pattern.search(row.name)]
    if options.list:
        print("\n".join(row.name for row in rows))
        return 0
    for row in rows:
        if options.pages:
            break
        if is_complete(study.out / f"{row.name}.json", row.repaired):
            continue
        if row.needs and not os.path.exists(os.path.join(study.data, row.needs)):
            print(f"{row.name}: left out, STUCKAT_DATA has no {row.needs}")
            continue
        print(row.name, flush=True)
        study.run(row, commit)
    write_page(study.out)
    return 0
