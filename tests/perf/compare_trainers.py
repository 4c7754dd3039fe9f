#!/usr/bin/python3
"""Training steps of two builds in turn, in one run: what a change of the trainer costs.

compare_trainers.py BENCH_TRAINER_BEFORE BENCH_TRAINER_AFTER [--steps N] [--threads N] [--width X]
                    [--network NAME] [--avx2]

Each takes one step while the other one waits; the ratio of the medians, of processor time. Its
quartiles over the pairs of steps say how sure that is. Goal: 1.02 at most.
"""
import argparse
import statistics

from against_pytorch import Steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--steps", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--width", type=float, default=1)
    parser.add_argument("--network", default="cnv-w1a1")
    parser.add_argument("--avx2", action="store_true")
    options = parser.parse_args()
    common = ["--on-request", "--threads", str(options.threads), "--width", str(options.width),
              "--network", options.network, *(["--avx2"] if options.avx2 else [])]
    before, after = Steps([options.before, *common]), Steps([options.after, *common])
    for _ in range(options.steps):
        before.step()
        after.step()
    cpu = [[times[1] for times in program.times] for program in (before, after)]
    ratio = statistics.median(cpu[1]) / statistics.median(cpu[0])
    quartiles = statistics.quantiles([b / a for a, b in zip(*cpu)], n=4)
    print(f"{options.network} width {options.width}, {options.threads} threads, {options.steps} "
          f"steps each: {1e3 * statistics.median(cpu[0]):.1f} and "
          f"{1e3 * statistics.median(cpu[1]):.1f} ms of processor time, ratio {ratio:.3f} "
          f"(pairs: {quartiles[0]:.3f} to {quartiles[2]:.3f}; goal: at most 1.02)")


if __name__ == "__main__":
    main()
