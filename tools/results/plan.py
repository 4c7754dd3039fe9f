"""What `tools/reproduce` trains and which campaigns it runs: one row for each network."""

from dataclasses import dataclass, field

from hardware import ACCELERATOR
from sources import DEGRADED


@dataclass(frozen=True)
class Study:
    """Runs of one size, and where their results are. The paper trains full CNV for 1000 epochs."""
    name: str
    folder: str  # below docs/results
    width: float
    epochs: int
    images: int  # training images, -1: all; campaigns see the whole test set


SMALL = Study("small", "", 0.25, 20, 20000)  # a run takes minutes on two cores
FULL = Study("full", "full", 1, 60, -1)  # a run takes hours
STUDIES = {study.name: study for study in (SMALL, FULL)}


@dataclass(frozen=True)
class Data:
    name: str  # of the data set in the tables
    train: str  # NAME:PATH; {data} is STUCKAT_DATA
    tests: tuple  # (what, NAME:PATH) of each test set that a campaign runs on
    channels: int
    extra: tuple = ()  # options in every study
    extra_full: tuple = ()  # and in the full one
    small: tuple = (SMALL.images, SMALL.epochs)  # images and epochs of the small study
    needs: str = ""  # file under STUCKAT_DATA, empty: none

    def amount(self, study):
        return self.small if study is SMALL else (study.images, study.epochs)


FASHION = Data("Fashion-MNIST", "fashion-mnist", (("", "fashion-mnist"),), 1)
GTSRB = Data(
    "GTSRB", "gtsrb:{work}/gtsrb", (("", "gtsrb:{work}/gtsrb"),), 3,
    (), ("--crop", "4"), (-1, 10),  # all: its records are sorted by class
    "gtsrb/gtsrb_train_32x32.bin.xz")
CIFAR = Data(
    "CIFAR-10", "images:{work}/cifar10-degraded",
    (("1,017 exact", "cifar10:{data}/cifar10/test_exact_first1017.bin.xz"),
     ("10,000 JPEG-degraded", "images:{work}/cifar10-degraded")), 3,
    ("--flip", "--crop", "4"), needs=DEGRADED)


@dataclass(frozen=True)
class Run:
    precision: str  # "w1a1"
    method: str  # standard, fat1, fat2, dropout2d, fat-placement
    injection: str  # channel, pixel; what is injected, and what campaigns break
    percent: float = 0
    data: Data = field(default=FASHION)
    study: Study = field(default=SMALL)
    seed: int = 1

    @property
    def name(self):
        parts = [self.data.name.lower(), self.precision, self.method]
        if self.method == "fat-placement":
            parts.append(f"p{self.percent:g}")
        elif self.method != "standard":
            parts += [self.injection, f"p{self.percent:g}"]
        if self.seed != 1:
            parts.append(f"seed{self.seed}")
        return "-".join(parts)

    @property
    def campaigns(self):
        return ["channel", "pixel"] if self.method == "standard" else [self.injection]

    @property
    def on_hardware(self):
        """Whether dead PEs of the published accelerator are tried on it."""
        return self.study is FULL and self.precision == "w1a1" and self.data is CIFAR and self.seed == 1

    @property
    def keeps_model(self):
        """Networks in the repository, in models/ beside the runs: the small ones that the
        documentation uses, and all that took hours."""
        return self.study is FULL or self.precision == "w1a1" and self.data is FASHION and (
            self.method == "standard" or (self.injection, self.percent) == ("channel", 5))

    def train_options(self):
        images, epochs = self.data.amount(self.study)
        options = ["--network", f"cnv-{self.precision}", "--width", f"{self.study.width:g}",
                   "--input-channels", str(self.data.channels), "--images", str(images),
                   "--epochs", str(epochs), "--schedule", "cosine", "--method", self.method]
        if self.method == "fat-placement":
            options += ["--accelerator", ACCELERATOR, "--sites", "pe/dead", "--percent", f"{self.percent:g}"]
        elif self.method != "standard":
            options += ["--injection", self.injection, "--percent", f"{self.percent:g}"]
        if self.seed != 1:
            options += ["--seed", str(self.seed)]
        return options + list(self.data.extra) + (
            list(self.data.extra_full) if self.study is FULL else [])


def plan(study=SMALL):
    """The runs in order: the most telling ones first."""
    return small_plan() if study is SMALL else full_plan()


def full_plan():
    def run(precision, method, percent=0, injection="channel", data=CIFAR, seed=1):
        return Run(precision, method, injection, percent, data, FULL, seed)

    runs = [run("w1a1", "standard"), run("w1a1", "fat2", 5), run("w1a1", "fat-placement", 1)]
    runs += [run(p, *method) for p in ("w2a2", "w1a2") for method in (("standard",), ("fat2", 5))]
    runs += [run("w1a1", "fat2", 10), run("w1a1", "fat1", 5), run("w1a1", "dropout2d", 2.5)]
    runs += [run("w1a1", *method, seed=seed) for seed in (2, 3)
             for method in (("standard",), ("fat2", 5))]
    runs += [run("w1a1", *method, data=GTSRB) for method in (("standard",), ("fat2", 5))]
    return runs


def small_plan():
    runs = []
    for precision in ("w1a1", "w1a2", "w2a2"):
        for injection in ("channel", "pixel"):
            if injection == "channel":
                runs.append(Run(precision, "standard", injection))
            runs += [Run(precision, "fat2", injection, p) for p in (5, 10)]
            runs.append(Run(precision, "fat1", injection, 5))
            runs.append(Run(precision, "dropout2d", injection, 2.5))
        if precision == "w1a1":
            runs += [Run(precision, "fat2", "channel", p) for p in (2.5, 15)]
    for precision in ("w1a3", "w1a4"):
        runs += [Run(precision, "standard", "channel"), Run(precision, "fat2", "channel", 5),
                 Run(precision, "dropout2d", "channel", 2.5)]
    for data in (GTSRB, CIFAR):
        runs += [Run("w1a1", "standard", "channel", 0, data),
                 Run("w1a1", "fat2", "channel", 5, data)]
    return runs
