#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the schema and the reference data into TingPlanning, so that no program reads a file for them.

Run by `make schema` after an edit of planning.json or of a table in Sources/TingPlanning/Data; a test fails while they differ.
"""
import pathlib

root = pathlib.Path(__file__).resolve().parents[2]
target = root / "Sources/TingPlanning/Generated"
target.mkdir(exist_ok=True)


def embed(name: str, text: str) -> None:
    fence = "#" * 3
    (target / f"{name}.swift").write_text(
        "// SPDX-License-Identifier: Apache-2.0\n// Made by Protocol/schema/embed.py.\n\n"
        f"let {name[0].lower() + name[1:]} = {fence}\"\"\"\n{text}\"\"\"{fence}\n",
        encoding="utf-8",
    )


embed("PlanningSchemaJSON", (root / "Protocol/schema/planning.json").read_text(encoding="utf-8"))
