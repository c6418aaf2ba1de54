#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the schema and the reference data into TingPlanning, so that no program reads a file for them.

Run by `make schema` after an edit of planning.json or of a table in Clients/Examples/data; a test fails while they differ.
"""
import csv
import pathlib

root = pathlib.Path(__file__).resolve().parents[2]
target = root / "Sources/TingPlanning/Generated"
target.mkdir(exist_ok=True)


def embed(name: str, text: str) -> None:
    fence = "#" * 3
    (target / f"{name}.swift").write_text(
        "// SPDX-License-Identifier: Apache-2.0\n// Made by Protocol/schema/embed.py.\n// swift-format-ignore-file\n\n"
        f"let {name[0].lower() + name[1:]} = {fence}\"\"\"\n{text}\"\"\"{fence}\n",
        encoding="utf-8",
    )


embed("PlanningSchemaJSON", (root / "Protocol/schema/planning.json").read_text(encoding="utf-8"))


def table(file: str) -> str:
    """A table of Clients/Examples/data as lines of tab-separated cells; the first line names the columns."""
    path = root / "Clients/Examples/data" / file
    with path.open(encoding="utf-8", newline="") as source:
        rows = list(csv.reader(source))
    assert all(len(row) == len(rows[0]) for row in rows), file
    assert not any("\t" in cell or "\n" in cell for row in rows for cell in row), file
    return "".join("\t".join(row) + "\n" for row in rows)


embed("ProvinceTable", table("cn-divisions.csv"))
embed("CityTable", table("cn-cities.csv"))
embed("DanishDivisionTable", table("dk-divisions.csv"))
embed("FocusAreaTable", table("focus-areas.csv"))
