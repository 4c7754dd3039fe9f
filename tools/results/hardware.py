"""What broken PEs of the published accelerator do to the networks of the full study, and what helps
against them: a campaign of every dead PE, and the measures of `stuckat protect`."""

import json

import measures
from markdown import table

ACCELERATOR = "dataflow:bnn-pynq-cnv-w1a1"
SETS = 40  # sets of channels that a search measures
MARGIN = 5  # points above the error of standard training without faults
MEASURES = {"none": "nothing", "reschedule": "other channels on the broken PE", "copies": "three copies of PEs",
            "clustered-copies": "the same, critical channels on few PEs"}


def measure(call, stem, model, data):
    """call: runs stuckat; stem: of files in the work folder. Errors in percent over all images of data."""
    pes, ways, fewer = (stem.with_name(f"{stem.name}.{what}") for what in ("pe.h5", "ways.json", "ways.json.part"))
    if not ways.exists():
        call("campaign", model, "--faults", "pe", "--accelerator", ACCELERATOR, *data, "-o", pes, "--resume")
        call("protect", model, "--accelerator", ACCELERATOR, "--evidence", pes, "--measures", ",".join(MEASURES),
             "--sets", SETS, *data, "--json", fewer)
        fewer.rename(ways)
    evidence = json.loads(ways.read_text())["evidence"][0]
    candidates = [c for c in evidence["candidates"] if c["measure"] in MEASURES]
    return {"accelerator": ACCELERATOR, "images": evidence["images"], "error_free_error": evidence["error_free_error"],
            "pes": [{key: pe[key] for key in ("pe", "placed_error", "error", "fixed")} for pe in evidence["pes"]],
            "ways": [{key: c[key] for key in ("measure", "count", "macs", "pes", "worst_error", "mean_error")} for c in candidates]}


def rows(measured, worst_channel):
    """measured: [(training, what `measure` gave)], standard training first; worst_channel: {training: error of its worst
    stuck channel on the same images}. Cells of the table of trainings, and of that of ways."""
    limit = measured[0][1]["error_free_error"] + MARGIN
    trainings, ways = [], []
    for training, found in measured:
        free = found["error_free_error"]
        errors = sorted((pe["placed_error"] for pe in found["pes"]), reverse=True)
        none = next(w for w in found["ways"] if w["measure"] == "none")
        channel = worst_channel.get(training)
        trainings.append([training, f"{free:.2f}", "-" if channel is None else f"{channel:.2f}", f"{none['worst_error']:.2f}",
                          f"{none['mean_error']:.2f}", f"{sum(e > free + MARGIN for e in errors)} of {len(errors)}",
                          f"{max(pe['error'] for pe in found['pes']):.2f}",
                          f"{sum(pe['error'] > free + MARGIN for pe in found['pes'])} of {len(errors)}"])
        for name, words in MEASURES.items():
            candidates = [w for w in found["ways"] if w["measure"] == name]
            best = measures.cheapest(candidates, limit, "pes")
            if candidates:
                least = min(w["worst_error"] for w in candidates)
                ways.append([training, words] + (["-", "-", f"{least:.2f}: not enough"] if best is None else
                                                 [f"{best['pes']}", f"{best['macs']:.3f}", f"{best['worst_error']:.2f}"]))
    return trainings, ways


def losing(found):
    """Of the PEs that lose with other channels on them: how many of each array, and why they cannot be moved (else empty)."""
    counts = {}
    for pe in found["pes"]:
        if pe["error"] > found["error_free_error"] + MARGIN:
            key = pe["pe"].rsplit("/", 1)[0], pe["fixed"].removeprefix(pe["pe"].split("/")[0] + ": ")
            counts[key] = counts.get(key, 0) + 1
    return "; ".join(f"{count} of `{array}`{reason and f' ({reason})'}" for (array, reason), count in counts.items()) or "none"


def section(measured, worst_channel):
    """Markdown; empty where nothing is measured."""
    if not measured:
        return ""
    images = measured[0][1]["images"]
    trainings, ways = rows(measured, worst_channel)
    return f"""## What it means on hardware

Each PE of the published accelerator (`{ACCELERATOR}`) dead at -1 and at +1, on the {images:,} exact images: errors in percent.
A PE computes many channels of its layer (64 channels on 32 PEs of layer 1, 512 on one of layer 6), and all of them give one
level. *Loses*: more than {MARGIN} points above the same network without faults, at the worse level. *Moved*: with the channels
that cost least on the broken PE, where its layer has several PEs.

""" + table(["training", "no fault", "worst channel stuck", "worst dead PE", "mean dead PE", "PEs that lose", "worst, moved",
             "PEs that lose, moved"], trainings) + f"""
PEs that lose, moved:

""" + "".join(f"- {training}: {losing(found)}\n" for training, found in measured) + f"""
The fewest PEs that are added so that no dead PE costs more than {MARGIN} points above standard training without faults (cost: in
unrolled networks):

""" + table(["training", "measure", "PEs added", "cost", "worst-case error"], ways) + "\n"
