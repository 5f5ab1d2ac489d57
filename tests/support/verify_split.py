"""Verifies the downloaded files of a split report with the standard library only: it shares no code with the functions.

Usage: python tests/support/verify_split.py DIRECTORY [--key account=Account] [--amount amount=Amount]
[--currency Currency]. The directory has the files, manifest.json and manifest.ndjson.gz. The options name the headings
in CSV files of the split columns, the amounts and the currency; with them, the records themselves are added up.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

EXACT = Context(prec=1000)
Sums = dict[tuple[str | None, str], Decimal]
"""Sums by currency and name; the name `rows` stands for the number of rows."""


@dataclass(frozen=True)
class Headings:
    """Headings in CSV files by name of the column."""

    key: Mapping[str, str] = field(default_factory=dict)
    amounts: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None


def verify(directory: Path, headings: Headings | None = None) -> list[str]:
    """Returns all problems: what is missing, what has another hash, and which sums differ. Empty if all is right."""
    return list(_problems(directory, headings or Headings()))


def _problems(directory: Path, headings: Headings) -> Iterator[str]:
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    packed = (directory / "manifest.ndjson.gz").read_bytes()
    if _hash(packed) != (manifest["list"]["bytes"], manifest["list"]["sha256"]):
        yield "the list is not the one of the manifest"
    lines = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    yield from _problems_of_list(manifest, lines)
    yield from _problems_of_sums(manifest, lines)
    for line in lines:
        yield from _problems_of_file(directory, line, headings)


def _problems_of_list(manifest: dict[str, Any], lines: list[dict[str, Any]]) -> Iterator[str]:
    formats = manifest["formats"]
    if len(lines) != manifest["files"] or len(lines) != manifest["keys"] * len(formats):
        yield f"{len(lines)} lines, {manifest['files']} files, {manifest['keys']} keys in {len(formats)} formats"
    order = [(line["number"], line["format"]) for line in lines]
    expected = [(number, name) for number in range(1, manifest["keys"] + 1) for name in sorted(formats)]
    if order != expected:
        yield f"numbers are missing, double or out of order: {sorted(set(expected) ^ set(order))[:5]}"
    if len({line["name"].lower() for line in lines}) != len(lines):
        yield "two files have the same name"
    if len({line["object"] for line in lines}) != len(lines):
        yield "two files have the same object"
    keys = {tuple(line["key"][name] for name in manifest["splitBy"]) for line in lines}
    if len(keys) != manifest["keys"]:
        yield f"{len(keys)} different keys instead of {manifest['keys']}"
    if len({line["snapshot"] for line in lines}) != manifest["snapshots"]:
        yield "the number of snapshots is not that of the manifest"


def _problems_of_sums(manifest: dict[str, Any], lines: list[dict[str, Any]]) -> Iterator[str]:
    wanted = _sums_of_totals(manifest["totals"])
    for name in manifest["formats"]:
        of_format = [line for line in lines if line["format"] == name]
        rows = sum(line["rows"] for line in of_format)
        if rows != manifest["rows"]:
            yield f"{name}: {rows} rows instead of {manifest['rows']}"
        sums = _sums_of_totals([total for line in of_format for total in line["totals"]])
        if not manifest["totalsOmitted"]:
            yield from _differences(name, sums, wanted)


def _sums_of_totals(totals: list[dict[str, Any]]) -> Sums:
    sums: Sums = defaultdict(Decimal)
    for total in totals:
        for name, value in {"rows": total["rows"], **total["amounts"]}.items():
            sums[total["currency"], name] = EXACT.add(sums[total["currency"], name], Decimal(value))
    return dict(sums)


def _differences(subject: str, found: Sums, wanted: Sums) -> Iterator[str]:
    for name in sorted({*found, *wanted}, key=str):
        if found.get(name) != wanted.get(name):
            yield f"{subject}: {name} is {found.get(name)} instead of {wanted.get(name)}"


def _problems_of_file(directory: Path, line: dict[str, Any], headings: Headings) -> Iterator[str]:
    path = directory / line["name"]
    if not path.is_file():
        yield f"{line['name']} is missing"
        return
    content = path.read_bytes()
    if _hash(content) != (line["bytes"], line["sha256"]):
        yield f"{line['name']} has another size or hash"
    elif line["format"] == "CSV" and headings.amounts:
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        yield from _problems_of_records(line, text.decode("utf-8-sig"), headings)


def _problems_of_records(line: dict[str, Any], text: str, headings: Headings) -> Iterator[str]:
    records = list(csv.DictReader(io.StringIO(text, newline="")))
    if len(records) != line["rows"]:
        yield f"{line['name']}: {len(records)} records instead of {line['rows']}"
    sums: Sums = defaultdict(Decimal)
    for record in records:
        currency = record[headings.currency] if headings.currency else None
        sums[currency, "rows"] += 1
        for name, heading in headings.amounts.items():
            sums[currency, name] = EXACT.add(sums[currency, name], Decimal(record[heading] or 0))
        if any(record[heading] != (line["key"][name] or "") for name, heading in headings.key.items()):
            yield f"{line['name']}: a record has another key"
    yield from _differences(line["name"], dict(sums), _sums_of_totals(line["totals"]))


def _hash(content: bytes) -> tuple[int, str]:
    return len(content), hashlib.sha256(content).hexdigest()


def _pairs(values: list[str]) -> dict[str, str]:
    return dict(value.split("=", 1) for value in values)


def main(arguments: list[str]) -> int:
    """Prints all problems; returns 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--amount", action="append", default=[])
    parser.add_argument("--currency")
    chosen = parser.parse_args(arguments)
    headings = Headings(_pairs(chosen.key), _pairs(chosen.amount), chosen.currency)
    problems = verify(chosen.directory, headings)
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"{len(problems)} problems\n" if problems else "The files add up to the manifest.\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
