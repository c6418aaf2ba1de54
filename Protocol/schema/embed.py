#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the schema and the reference data into TingPlanning, so that no program reads a file for them.

Run by `make schema` after an edit of planning.json or of a table in Clients/Examples/data; a test fails while they differ.
"""
import csv
import json
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


def text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def labels(value: dict) -> str:
    return "[" + ", ".join(f"{text(k)}: {text(v)}" for k, v in value.items()) + "]"


def field(value: dict) -> str:
    """A field as a call; names of parameters are those of the JSON but for `default`."""
    parts = [text(value["name"]), f".{value['type']}", f".{value['policy']}"]
    for key in ["default", "values", "to", "parent", "unique", "references", "least", "greatest", "label"]:
        if key not in value:
            continue
        given = value[key]
        if key == "default":
            parts.append("standard: " + (f".integer({given})" if isinstance(given, int) else f".text({text(given)})"))
        elif key == "label":
            parts.append("label: " + labels(given))
        else:
            parts.append(f"{key}: {json.dumps(given, ensure_ascii=False)}")
    return f"Field({', '.join(parts)})"


def schema() -> str:
    """The schema as Swift: decoding the JSON would cost each `ting` two milliseconds at its start."""
    given = json.loads((root / "Protocol/schema/planning.json").read_text(encoding="utf-8"))
    lines = ["import TingCore", "", "extension Schema {"]
    for one in given["collections"]:
        lines.append(f"    private static func {one['name']}() -> CollectionSchema {{")
        lines.append("        var fields: [Field] = []")
        lines += [f"        fields.append({field(f)})" for f in one["fields"]]
        lines.append(
            f"        return CollectionSchema({text(one['name'])}, label: {labels(one.get('label', {}))}, fields: fields)")
        lines += ["    }", ""]
    calls = ", ".join(f"{one['name']}()" for one in given["collections"])
    lines.append("    static func planning() -> Schema {")
    lines.append(f"        Schema(name: {text(given['name'])}, version: {given['version']}, collections: [{calls}])")
    lines += ["    }", "}", ""]
    return "\n".join(lines)


(target / "PlanningSchema+fields.swift").write_text(
    "// SPDX-License-Identifier: Apache-2.0\n// Made by Protocol/schema/embed.py.\n// swift-format-ignore-file\n\n"
    + schema(),
    encoding="utf-8",
)


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
