#!/usr/bin/env python3
"""test_read_campaign.py STUCKAT SOURCE: the example's table is the command's CSV. Exit code 77 without h5py."""
import csv
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import h5py
    import pandas
except ImportError:
    print("SKIPPED: no h5py or pandas (Debian: python3-h5py, python3-pandas)")
    sys.exit(77)

stuckat, source = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(source / "examples/python"))
import read_campaign  # noqa: E402

with tempfile.TemporaryDirectory() as folder:
    work = pathlib.Path(folder)
    images = b"".join(struct.pack("B", i % 10) + bytes((i * p) % 256 for p in range(3072))
                      for i in range(40))
    (work / "images.bin").write_bytes(images)
    data = f"--data=cifar10:{work / 'images.bin'}"
    run = lambda *a: subprocess.run([stuckat, *a], check=True, stdout=subprocess.DEVNULL)
    run("train", "--network", "cnv-w1a1", "--width", "0.05", data, "--images", "40", "--test-images",
        "0", "--batch", "20", "--epochs", "1", "-o", work / "m.h5")
    for faults in (["--faults", "channel"],
                   ["--faults", "pe", "--accelerator", "loopback:4x8"]):
        run("campaign", work / "m.h5", data, "--images", "20", *faults, "-o", work / "c.h5", "--force",
            "--csv", work / "c.csv")
        table, meanings = read_campaign.read(work / "c.h5")
        rows = list(csv.DictReader((work / "c.csv").open(newline="")))
        assert len(rows) == len(table) > 5, (len(rows), len(table))
        assert "images" in meanings["critical"]
        same = pandas.read_csv(work / "c.csv")
        assert list(same["id"]) == list(table["id"])
        for name in ("channel", "pe", "level", "part", "critical"):
            mine = ["" if pandas.isna(v) else str(v) for v in table[name]]
            assert mine == [row[name] for row in rows], name
        for name in ("accuracy", "points_lost"):
            assert all(abs(a - b) < 1e-3 for a, b in zip(table[name], same[name])), name
    # Every data set says what it is, and names each of its dimensions.
    with h5py.File(work / "c.h5", "r") as file:
        def check(name, item):
            if isinstance(item, h5py.Dataset) and name != "hashed":
                dimensions = read_campaign.text(item.attrs["dimensions"])
                assert item.attrs["description"], name
                assert len(dimensions.split(",")) == item.ndim, (name, dimensions)
        file.visititems(check)
print("the table of the example is the CSV of the command")
