"""Data sets of STUCKAT_DATA as `stuckat --data NAME:PATH` takes them: each is made once in the work folder."""

import lzma
import pathlib
import struct
import subprocess
import zlib

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DEGRADED = "cifar10/jpeg_degraded_images.tar.xz"
EXACT_TEST = "cifar10/test_exact_first1017.bin.xz"


def prepare(source, work, data):
    """What `source` (NAME:PATH, with {work} and {data}) needs below the work folder; data: STUCKAT_DATA."""
    for folder, make in MAKERS.items():
        if f"{{work}}/{folder}" in source and not (work / folder).exists():
            make(work / folder, pathlib.Path(data))


def gtsrb(folder, data):
    folder.symlink_to((data / "gtsrb").resolve())


def cifar_degraded(folder, data):
    """All 60,000 images as JPEGs: train/CLASS, test/CLASS."""
    part = folder.with_name(folder.name + ".part")
    part.mkdir(exist_ok=True)
    subprocess.run(["tar", "-xJf", data / DEGRADED, "-C", part], check=True)
    next(p for p in [part, *part.iterdir()] if (p / "test").is_dir()).rename(folder)


def cifar_exact_test(folder, data):
    """The degraded training images, and the 1,017 test images that are at hand as they are."""
    degraded = folder.with_name("cifar10-degraded")
    if not degraded.exists():
        cifar_degraded(degraded, data)
    part = folder.with_name(folder.name + ".part")
    part.mkdir(exist_ok=True)
    for name in CLASSES:
        (part / "test" / name).mkdir(parents=True, exist_ok=True)
    records = lzma.decompress((data / EXACT_TEST).read_bytes())
    for number in range(len(records) // 3073):
        record = records[3073 * number:3073 * (number + 1)]
        (part / "test" / CLASSES[record[0]] / f"{number:04}.png").write_bytes(png(record[1:]))
    if not (part / "train").exists():
        (part / "train").symlink_to((degraded / "train").resolve())
    part.rename(folder)


def png(planes):
    """A picture of 32x32 from CIFAR's planes of red, green and blue."""
    rows = b"".join(b"\0" + bytes(planes[1024 * c + 32 * y + x] for x in range(32) for c in range(3)) for y in range(32))

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


MAKERS = {"gtsrb": gtsrb, "cifar10-degraded": cifar_degraded, "cifar10-exact-test": cifar_exact_test}
