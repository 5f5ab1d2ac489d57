"""Filters, titles and file names of the keys of a split report."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.paths import ROOT
from resma.catalog import ReportType, SplitSpec, find_locale, find_report_type, load_catalog
from resma.catalog.file_names import MAX_NAME
from resma.report.rows import Row
from tests.support.report_content import plain_content

BRANCHES = load_catalog(ROOT / "tests" / "support" / "report_types")["BRANCH_TRANSACTIONS"]
ONE = ["branch"]
BOTH = ["branch", "account"]
ENGLISH = find_locale("en-US")
PERIOD = {"period": "2024-03"}
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)

CELL = st.one_of(
    st.none(),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200).map(str.encode),
    st.text("aAbB-._ /\\é😀0", max_size=6).map(str.encode),
    st.sampled_from(["CON", "nul", "COM1.X", "..", ".", "-", "a" * 200, "A" * 200, "Ä", "none", "NONE"]).map(
        str.encode
    ),
)
PATTERN = st.sampled_from(
    ["{branch}{account}", "{branch}-{account}", "x-{account}-{period}-{branch}", "{number}-{branch}", "{branch}", "x"]
)


def named(pattern: str | None, **changes: Any) -> ReportType:
    """Returns the sample type with another pattern of file names. It is not validated."""
    split = SplitSpec.model_construct(by=("branch", "account"), file_name=pattern, title=None)
    return BRANCHES.model_copy(update={"split": split, **changes})


def name_of(report_type: ReportType, cells: Row, split_by: list[str] = ONE, number: int = 7) -> str:
    return report_type.file_name_of_key(split_by, cells, number, PERIOD)


@pytest.mark.parametrize(
    ("pattern", "cell", "name"),
    [
        ("statement-{branch}-{period}", b"BR1000-104729", "statement-BR1000-104729-2024-03"),
        ("statement-{number}", "é".encode(), "statement-7"),
        ("statement-{number}", None, "statement-7"),
        ("{branch}-{number}", b"br/1", "br-1-7"),
        ("{branch}", b"br1", "br1-"),
        ("{branch}", None, "none-"),
        ("{branch}", b"NONE", "NONE"),
        ("{branch}", "São João".encode(), "Sao-Joao-"),
        ("{branch}", "😀".encode(), "file-"),
        ("{branch}", b"..", "file-"),
        ("{branch}", b"../../ETC", "ETC-"),
        ("{branch}", b"CON", "_CON-"),
        ("{branch}", b"NUL.TXT", "_NUL.TXT-"),
        ("{branch}", b"MANIFEST", "_MANIFEST-"),
        ("{branch}", b"MANIFEST-2", "MANIFEST-2"),
        ("{branch}", b"COM10", "COM10"),
        ("{branch}", b"A" * 200, f"{'A' * 60}-"),
        ("{branch}", b"A--B", "A-B-"),
        ("{branch}", b"X-0123456789ABCDEF", "X-0123456789ABCDEF-"),
        (None, b"B1", "branch-transactions-B1"),
    ],
)
def test_names_of_keys(pattern: str | None, cell: bytes | None, name: str) -> None:
    """A name that ends with a hyphen is followed by a hash."""
    found = name_of(named(pattern), (cell,))
    if name.endswith("-"):
        assert re.fullmatch(re.escape(name) + "[0-9a-f]{16}", found)
    else:
        assert found == name


def test_values_of_several_columns_without_a_hash() -> None:
    assert name_of(BRANCHES, (b"B1", b"A7"), BOTH) == "branch-B1-account-A7-2024-03"
    assert re.fullmatch("branch-B1-account-A-7-2024-03-[0-9a-f]{16}", name_of(BRANCHES, (b"B1", b"A-7"), BOTH))


def test_values_that_are_not_separated_have_a_hash() -> None:
    report_type = named("{branch}{account}")
    first, second = name_of(report_type, (b"A", b"BC"), BOTH), name_of(report_type, (b"AB", b"C"), BOTH)
    assert first[:4] == second[:4] == "ABC-"
    assert first != second


def test_uuids_have_no_hash() -> None:
    columns = tuple(
        column.model_copy(update={"kind": "uuid"}) if column.name == "branch" else column for column in BRANCHES.columns
    )
    assert name_of(named("x-{branch}", columns=columns), (b"0b1e-77",)) == "x-0b1e-77"


def test_a_personal_column_is_not_in_the_default_name() -> None:
    filters = tuple(item.model_copy(update={"personal": item.name == "account"}) for item in BRANCHES.filters)
    assert name_of(named(None, filters=filters), (b"B1",)) == "branch-transactions-7"


def test_the_default_name_extends_a_pattern_of_the_type() -> None:
    assert name_of(named(None, file_name="x-{branch}"), (b"B1", b"A7"), BOTH) == "x-B1-A7"


@given(PATTERN, st.lists(st.tuples(CELL, CELL), min_size=2, max_size=12, unique=True))
def test_names_are_safe_and_distinct_whatever_the_keys(pattern: str, keys: list[Row]) -> None:
    report_type = named(pattern)
    names = [name_of(report_type, cells, BOTH, number) for number, cells in enumerate(keys, 1)]
    assert len({name.casefold() for name in names}) == len(keys)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name)
        assert len(name) <= MAX_NAME
        assert not RESERVED.match(name)


def test_keys_that_differ_in_case_accents_and_forbidden_characters_have_different_names() -> None:
    cells = ["a", "A", "á", "Á", "A/", "A ", "A.", "/A", "none", "NONE", "None", "ａ", "A\n", "A" * 199, "A" * 200]
    names = {name_of(named("{branch}"), (cell.encode(),)).casefold() for cell in cells} | {
        name_of(named("{branch}"), (None,)).casefold()
    }
    assert len(names) == len(cells) + 1


@pytest.mark.parametrize(
    ("cells", "filters"),
    [
        ((b"B1", b"A7"), {"branch": "B1", "account": "A7"}),
        ((None, "é 😀".encode()), {"account": "é 😀"}),
        ((None, None), {}),
    ],
)
def test_filters_of_text(cells: Row, filters: dict[str, Any]) -> None:
    assert BRANCHES.filters_of_key(BOTH, cells) == filters


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [("integer", b"-12", -12), ("date", b"2024-03-09", "2024-03-09"), ("choice", b"B1", ["B1"]), ("text", b"", "")],
)
def test_filters_of_other_kinds(kind: str, cell: bytes, value: Any) -> None:
    filters = tuple(item.model_copy(update={"kind": kind}) for item in BRANCHES.filters)
    report_type = BRANCHES.model_copy(update={"filters": filters})
    assert report_type.filters_of_key(ONE, (cell,)) == {"branch": value}


@pytest.mark.parametrize(
    ("locale", "split_by", "cells", "title"),
    [
        ("en-US", BOTH, (b"B1", b"A7"), "Transactions of branch B1, account A7"),
        ("pt-BR", BOTH, (b"B1", None), "Transações da agência B1, conta –"),
        ("pt-BR", ONE, (b"B1",), "Transações de agências"),
        ("en-US", BOTH, ("B\n1\u202e".encode(), b"A7"), "Transactions of branch B 1 , account A7"),
        ("en-US", BOTH, (b"B" * 200, b"A7"), f"Transactions of branch {'B' * 176}…"),
    ],
)
def test_titles(locale: str, split_by: list[str], cells: Row, title: str) -> None:
    assert BRANCHES.title_of_key(split_by, cells, find_locale(locale)) == title


def test_dates_in_titles_have_the_format_of_the_locale() -> None:
    filters = tuple(item.model_copy(update={"kind": "date"}) for item in BRANCHES.filters)
    report_type = BRANCHES.model_copy(update={"filters": filters})
    cells = (b"2024-03-09", b"2024-03-10")
    assert report_type.title_of_key(BOTH, cells, find_locale("pt-BR")) == (
        "Transações da agência 09/03/2024, conta 10/03/2024"
    )


def test_the_content_of_a_key_is_that_of_a_report_of_the_key() -> None:
    plain = replace(plain_content(BRANCHES.type, ["PDF"]), filters={"from": "2024-01-01"})
    split = replace(plain, split_by=BOTH, zip=True)
    assert BRANCHES.content_of_key(split, (b"B1", b"A7"), ENGLISH) == replace(
        plain,
        filters={"from": "2024-01-01", "branch": "B1", "account": "A7"},
        title="Transactions of branch B1, account A7",
    )
    titled = replace(split, title="March")
    assert BRANCHES.content_of_key(titled, (b"B1", b"A7"), ENGLISH).title == "March"


def test_the_guide_shows_the_names_that_keys_get() -> None:
    guide = (ROOT / "docs" / "split-reports.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| (?:`([^`]+)`|NULL) \| `([^`]+)` \|$", guide, re.MULTILINE)
    assert len(shown) >= 5
    report_type = find_report_type("ACCOUNT_STATEMENT")
    for key, name in shown:
        assert report_type.file_name_of_key(["account"], (key.encode() or None,), 7, PERIOD) == name
