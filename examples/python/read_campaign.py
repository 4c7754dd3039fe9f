#!/usr/bin/env python3
"""read_campaign.py RESULT.h5: a campaign's result as a pandas table, a row for each fault.

Needs h5py and pandas (Debian: python3-h5py, python3-pandas). What a column means, its unit and
which value stands for none comes from the file: the attributes description, unit and none.
MATLAB reads the same: h5read(file, '/counts/critical'), h5readatt(file, '/counts/critical', 'unit').
"""
import sys

import h5py
import pandas


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def read(path):
    """The table, and what each column is: name -> "description (unit)"."""
    columns, meanings = {}, {}
    with h5py.File(path, "r") as file:
        images = int(file["/golden/labels"][()].sum())
        classes = file["/golden/labels"].shape[0]
        for group in ("fault", "counts"):
            for name, data in file[group].items():
                if text(data.attrs["dimensions"]) not in ("fault", "fault,class"):
                    continue
                values = data[()]
                if data.dtype.kind == "S":
                    values = [text(v) for v in values]
                elif values.ndim == 2:
                    assert values.shape[1] == classes
                    values = values.sum(axis=1)
                column = pandas.Series(values)
                if "none" in data.attrs:
                    column = column.astype("Int64").mask(column == int(data.attrs["none"]))
                columns[name] = column
                unit = text(data.attrs.get("unit", ""))
                meanings[name] = text(data.attrs["description"]) + (f" ({unit})" if unit else "")
        parts = [text(p) for p in file["/part_names"][()]]
        columns["part"] = columns["part"].map(lambda i: parts[i], na_action="ignore")
        golden = int(file["/golden/correct"][()].sum())
    table = pandas.DataFrame(columns)
    table["accuracy"] = 100 * table["correct"] / images
    table["points_lost"] = 100 * golden / images - table["accuracy"]
    return table, meanings


def main():
    table, meanings = read(sys.argv[1])
    for name, meaning in meanings.items():
        print(f"{name:16} {meaning}")
    print(table.sort_values("accuracy", kind="stable").head(10).to_string(index=False))


if __name__ == "__main__":
    main()
