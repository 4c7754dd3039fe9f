#!/usr/bin/env python3
"""Commands that pages show are run as they stand, one page in a folder of its own, its blocks one after
the other as the page says, with small data under the names that the page uses.

  shown.py SOURCE STUCKAT run PAGE    77: the page needs data that are not there (STUCKAT_DATA)
  shown.py SOURCE STUCKAT check       every page with commands is known here; what is shown in a line of
                                      text has a command and options that exist

What a page shows in minutes or hours is listed as `slow`: it is asked for its help with all of its
options, which refuses one that does not exist, and not run. `fewer` replaces numbers of images, epochs
and the like where a run would take minutes, and nothing else."""
import os
import pathlib
import random
import re
import shlex
import subprocess
import sys
import tempfile

DATA = os.environ.get("STUCKAT_DATA", "")


def cifar(folder, images=20):
    """test.bin: records of CIFAR-10, of noise."""
    noise = random.Random(1)
    with open(folder / "test.bin", "wb") as file:
        for i in range(images):
            file.write(bytes([i % 10]) + noise.randbytes(3072))


def shared(name):
    path = pathlib.Path(DATA) / name
    if not DATA or not path.exists():
        print(f"SKIPPED: no {name} in STUCKAT_DATA")
        sys.exit(77)
    return path


def bnn_pynq(folder):
    """cnvW1A1: the published parameters."""
    archive = shared("bnn-pynq/cifar10-cnvW1A1.tar.xz")
    subprocess.run(["tar", "-xJf", archive, "-C", folder, "--strip-components=1"], check=True)


def tflite(*names):
    def link(folder):
        for name in names:
            (folder / name).symlink_to(shared("networks/mlperf-tiny/pretrainedResnet_quant.tflite"))
    return link


class Page:
    def __init__(self, setup=(), fewer=(), slow=()):
        self.setup, self.fewer, self.slow = setup, fewer, slow


PAGES = {
    "README.md": Page(
        setup=(cifar, bnn_pynq, tflite("resnet8_int8.tflite")),
        fewer=(("--images 1000", "--images 2"), ("--images 100 ", "--images 2 "),
               ("--accelerator loopback:32x64 -o", "--accelerator loopback:32x64 --images 2 -o"))),
    "docs/campaigns.md": Page(fewer=(("--images 10000", "--images 2000"),)),
    "docs/exploration.md": Page(),
    "docs/fleets.md": Page(
        fewer=(("--images 6000 --epochs 3", "--images 600 --epochs 1"), ("--chips 24", "--chips 3"),
               ("--images 5000", "--images 300"), ("--validation-images 500", "--validation-images 100"),
               ("--test-images 500", "--test-images 50"), ("--training-images 5000", "--training-images 300"),
               ("--amounts 500,1000,2000", "--amounts 100,200"), ("--drop 5", "--drop 50"))),
    "docs/importing.md": Page(
        setup=(cifar, tflite("network.tflite")),
        fewer=(("--images 1000", "--images 2"),)),
    "docs/memory-faults.md": Page(
        fewer=(("--chips 50", "--chips 5"), ("--images 6000", "--images 600"),
               ("--images 500", "--images 50"))),
    # On a network of the reader's: tests/tools/command/test_protect.cc has a small one.
    "docs/mitigation.md": Page(slow=("campaign", "protect", "report", "fmea")),
    # Training of whole networks, on ImageNet.
    "docs/training.md": Page(setup=(tflite("pretrainedResnet_quant.tflite"),), slow=("train", "sim")),
    # All foldings of CNV.
    "docs/performance.md": Page(slow=("explore",)),
}
# Blocks of these are for people: what they name exists (`check`), and continuous integration runs it.
FOR_PEOPLE = {"CONTRIBUTING.md"}
# Run by tests/install.
INSTALLED = {"docs/cosimulation.md"}


def blocks(text):
    """Fenced blocks without a language are commands; `$ ` before a command means that output follows."""
    for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.S | re.M):
        if language:
            continue
        if body.startswith("$ "):
            body = "\n".join(line[2:] for line in body.splitlines() if line.startswith("$ "))
        yield body.strip() + "\n"


def is_command(body):
    return re.match(r"(stuckat|tools/|tests/|build/|cmake|timeout|for|echo|sudo) ?", body) is not None


def whole_lines(body):
    return body.replace("\\\n", " ").splitlines()


def first_word_exists(source, line):
    """Of what is not stuckat's: a script, a benchmark, or a preset."""
    word = shlex.split(line, comments=True)[0]
    if word.startswith("build/"):
        name = pathlib.Path(word)
        listed = (source / name.parent.relative_to("build/release") / "CMakeLists.txt").read_text()
        return name.name.removeprefix("bench_") in listed
    if "--preset" in line:
        preset = shlex.split(line, comments=True)[shlex.split(line, comments=True).index("--preset") + 1]
        return f'"name": "{preset}"' in (source / "CMakePresets.json").read_text()
    return word in ("cmake", "ctest", "sudo") or os.access(source / word, os.X_OK)


def run_page(source, stuckat, name):
    page = PAGES[name]
    text = (source / name).read_text()
    used = set()
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        for prepare in page.setup:
            prepare(folder)
        path = f"{pathlib.Path(stuckat).parent}:{os.environ['PATH']}"
        for body in blocks(text):
            for line in whole_lines(body) if not body.startswith("for ") else [body]:
                if not re.match(r"(stuckat|timeout|for|cmp|echo) ", line):
                    assert first_word_exists(source, line), line
                    continue
                words = line.split()
                if words[0] == "stuckat" and words[1] in page.slow:
                    line += " --help"
                for old, new in page.fewer:
                    if old in line:
                        used.add(old)
                        line = line.replace(old, new)
                print("+", line, flush=True)
                done = subprocess.run(["bash", "-c", line], cwd=folder, env={**os.environ, "PATH": path},
                                      stdout=subprocess.DEVNULL if "--help" in line else None)
                killed = line.startswith("timeout ") and done.returncode in (124, 137, -9)
                if done.returncode != 0 and not killed:
                    sys.exit(f"{name}: ended with {done.returncode}: {line}")
    unused = [old for old, _ in page.fewer if old not in used]
    if unused:
        sys.exit(f"{name} no longer shows {unused}")


def pages_of(source):
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=source, capture_output=True, text=True)
    names = listed.stdout.split() or [str(p.relative_to(source)) for p in source.rglob("*.md")
                                      if "build" not in p.parts]
    return sorted(set(names) - {"CHANGELOG.md"})


def check_inline(source, stuckat, wrong):
    """`stuckat COMMAND ... --option` in a line of text."""
    helps = {}

    def help_of(words):
        key = " ".join(words)
        if key not in helps:
            done = subprocess.run([stuckat, *words, "--help"], capture_output=True, text=True)
            helps[key] = done.stdout if done.returncode == 0 else ""
        return helps[key]

    seen = 0
    for name in pages_of(source):
        text = re.sub(r"^```.*?^```", "", (source / name).read_text(), flags=re.S | re.M)
        for span in re.findall(r"`stuckat ([^`]+)`", text):
            words = re.split(r"\s+", span)
            command = [word for word in words[:2] if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)]
            while len(command) > 1 and not help_of(command).startswith("Usage: stuckat " + " ".join(command)):
                command.pop()
            seen += 1
            shown = help_of(command) if command else ""
            if not shown:
                wrong.append(f"{name}: `stuckat {span}`: no such command")
            for option in re.findall(r"--[a-z][a-z-]*", span):
                if shown and option not in ("--help", "--version") and option not in shown:
                    wrong.append(f"{name}: `stuckat {span}`: no {option}")
    return seen


def check(source, stuckat):
    wrong = []
    for name in pages_of(source):
        commands = [body for body in blocks((source / name).read_text()) if is_command(body)]
        if commands and name not in PAGES and name not in FOR_PEOPLE | INSTALLED:
            wrong.append(f"{name} shows commands, and no test runs them: {commands[0].splitlines()[0]}")
        if name in FOR_PEOPLE | INSTALLED:
            for line in (line for body in commands for line in whole_lines(body)):
                is_example = line.startswith("testbench/") and name in INSTALLED
                if not is_example and not first_word_exists(source, line):
                    wrong.append(f"{name}: no {line}")
    seen = check_inline(source, stuckat, wrong)
    device = (source / "docs/device.md").read_text()
    for language, file in (("cpp", "smallest_device.cc"),):
        program = (source / "examples/testbench" / file).read_text()
        if f"```{language}\n{program}```" not in device:
            wrong.append(f"docs/device.md does not show examples/testbench/{file} as it is")
    print(f"{seen} commands in text")
    if wrong or seen < 20:
        sys.exit("\n".join(wrong) or "hardly a command was found")


if __name__ == "__main__":
    if sys.argv[3] == "run":
        run_page(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[4])
    else:
        check(pathlib.Path(sys.argv[1]), sys.argv[2])
