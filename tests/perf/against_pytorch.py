#!/usr/bin/python3
"""Training steps of stuckat and of plain PyTorch in turn, in one run: images/s and their ratio.

against_pytorch.py [path of bench_trainer] [--network NAME] [--steps N] [--threads N] [--width X]
                   [--avx2]

Full CNV-W1A1, batch 100 (train_in_pytorch.py). Goal: 3 times PyTorch, never below 2; or another
network: resnet-8-w8a8, resnet-20-w4a4 (resnet_in_pytorch.py), goal: 1.5 times. Each takes
one step while the other one waits; medians. PyTorch's threads sleep between their rounds
(OMP_WAIT_POLICY=PASSIVE): on a machine with other work this is much faster for it. It runs in both
memory formats, and the faster one counts. --avx2 holds both to AVX2, without AVX-512.
"""
import argparse
import os
import statistics
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(FOLDER, "../../build/release/tests/perf/bench_trainer")
BATCH = 100


class Steps:
    """A program that takes one training step for each line that it reads."""

    def __init__(self, command, **variables):
        environment = dict(os.environ, OMP_WAIT_POLICY="PASSIVE", **variables)
        self.times = []
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def step(self):
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(self.process.wait() or 1)
        self.times.append([float(word) for word in line.split()])

    def rates(self):
        """Images per second by the wall and per CPU-second."""
        return [BATCH / statistics.median(times) for times in zip(*self.times)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", nargs="?", default=BENCH)
    parser.add_argument("--network", default="cnv-w1a1")
    parser.add_argument("--steps", type=int, default=11)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=float, default=1)
    parser.add_argument("--avx2", action="store_true")
    options = parser.parse_args()
    if not os.path.exists(options.bench):
        sys.exit(f"{options.bench} is not there: cmake --preset release && "
                 "cmake --build --preset release --target bench_trainer")
    resnet = options.network.startswith("resnet")
    threads = ["--threads", str(options.threads)]
    common = [*threads, "--width", str(options.width)]
    if resnet:
        pytorch = [os.path.join(FOLDER, "resnet_in_pytorch.py"), options.network, *threads]
    else:
        pytorch = [os.path.join(FOLDER, "train_in_pytorch.py"), "time", *common]
    ours = [options.bench, "--on-request", "--network", options.network, *common,
            *(["--avx2"] if options.avx2 else [])]
    theirs = {"ONEDNN_MAX_CPU_ISA": "AVX2"} if options.avx2 else {}
    programs = {
        "stuckat": Steps(ours),
        "PyTorch": Steps(pytorch, **theirs),
        "PyTorch, channels last": Steps([*pytorch, "--channels-last"], **theirs),
    }
    for _ in range(options.steps):
        for program in programs.values():
            program.step()
    rates = {name: program.rates() for name, program in programs.items()}
    print(f"{options.network} width {options.width}, batch {BATCH}, {options.threads} threads, "
          f"medians of {options.steps} steps in turn:")
    for name, (wall, cpu) in rates.items():
        print(f"  {name}: {wall:.0f} images/s, {cpu:.0f} per CPU-second")
    best = [max(rates[name][i] for name in rates if name != "stuckat") for i in range(2)]
    ratios = [ours / theirs for ours, theirs in zip(rates["stuckat"], best)]
    print(f"  stuckat is {ratios[0]:.2f} times as fast, {ratios[1]:.2f} times per CPU-second "
          + ("(goal: 1.5)" if resnet else "(goal: 3, never below 2)"))


if __name__ == "__main__":
    main()
