"""What `tools/reproduce` trains and which campaigns it runs: one row for each network."""

from dataclasses import dataclass, field

# Chosen so that a run takes minutes on two cores: the paper trains full CNV for 1000 epochs.
WIDTH = 0.25
EPOCHS = 20
IMAGES = 20000  # training images; campaigns see the whole test set


@dataclass(frozen=True)
class Data:
    name: str  # of the data set in the tables
    train: str  # NAME:PATH; {data} is STUCKAT_DATA
    tests: tuple  # (what, NAME:PATH) of each test set that a campaign runs on
    channels: int
    extra: tuple = ()
    images: int = IMAGES
    epochs: int = EPOCHS
    needs: str = ""  # file under STUCKAT_DATA, empty: none


FASHION = Data("Fashion-MNIST", "fashion-mnist", (("", "fashion-mnist"),), 1)
GTSRB = Data(
    "GTSRB", "gtsrb:{work}/gtsrb", (("", "gtsrb:{work}/gtsrb"),), 3,
    (), -1, 10, "gtsrb/gtsrb_train_32x32.bin.xz")  # all: its records are sorted by class
CIFAR = Data(
    "CIFAR-10", "images:{work}/cifar10-degraded",
    (("1,017 exact", "cifar10:{data}/cifar10/test_exact_first1017.bin.xz"),
     ("10,000 JPEG-degraded", "images:{work}/cifar10-degraded")), 3,
    ("--flip", "--crop", "4"), IMAGES, EPOCHS, "cifar10/jpeg_degraded_images.tar.xz")


@dataclass(frozen=True)
class Run:
    precision: str  # "w1a1"
    method: str  # standard, fat1, fat2, dropout2d
    injection: str  # channel, pixel; what is injected, and what campaigns break
    percent: float = 0
    data: Data = field(default=FASHION)

    @property
    def name(self):
        parts = [self.data.name.lower(), self.precision, self.method]
        if self.method != "standard":
            parts += [self.injection, f"p{self.percent:g}"]
        return "-".join(parts)

    @property
    def campaigns(self):
        return ["channel", "pixel"] if self.method == "standard" else [self.injection]

    @property
    def keeps_model(self):
        """Small trained networks that the documentation uses: in docs/results/models."""
        return self.precision == "w1a1" and self.data is FASHION and (
            self.method == "standard" or (self.injection, self.percent) == ("channel", 5))

    def train_options(self):
        options = ["--network", f"cnv-{self.precision}", "--width", f"{WIDTH:g}",
                   "--input-channels", str(self.data.channels), "--images", str(self.data.images),
                   "--epochs", str(self.data.epochs), "--schedule", "cosine", "--method", self.method]
        if self.method != "standard":
            options += ["--injection", self.injection, "--percent", f"{self.percent:g}"]
        return options + list(self.data.extra)


def plan():
    """The runs in order: the most telling ones first."""
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
