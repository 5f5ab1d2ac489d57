"""Each error of `[split]` in report.toml is reported with its line and a remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.paths import ROOT
from resma.catalog import check_folder

SAMPLE = ROOT / "tests" / "support" / "report_types" / "branch_transactions"

# Each case: replaced text, replacement, text in the line of the error, and the message or a part of it.
CASES = [
    ('by = ["branch", "account"]', 'by = ["branch", "acount"]', "by = ", "Column 'acount' does not exist. Use"),
    ('by = ["branch", "account"]', 'by = ["branch", "branch"]', "by = ", "Column 'branch' is duplicated."),
    ('by = ["branch", "account"]', "by = []", "by = ", "`split`: `by` must not be []. It must have at least 1 item"),
    ('by = ["branch", "account"]', 'by = "branch"', "by = ", "`split`: `by` must not be 'branch'. It must be an array"),
    ('by = ["branch", "account"]\n', "", "[split]", "`split`: `by` is missing. Add it."),
    (
        "by = ",
        'key = ["branch"]\nby = ',
        "key = ",
        "`split`: The key `key` is unknown. Use one of by, file_name, title.",
    ),
    (
        'sort = ["branch", "account", "id"]',
        'sort = ["id", "-account", "branch"]',
        "sort = ",
        'in this order, so that the rows of a file are together. Write sort = ["branch", "-account", "id"].',
    ),
    (
        'by = ["branch", "account"]',
        'by = ["branch", "account", "id", "amount"]',
        "by = ",
        "Column 'amount' is of kind amount. A report can only be split by columns of kind text, uuid, integer, date.",
    ),
    (
        'by = ["branch", "account"]',
        'by = ["branch", "account", "id"]',
        "by = ",
        "Column 'id' has no filter of this name, but a report is split by values that a filter selects. Write "
        'id = "integer" in [filters], and use it in query.sql.',
    ),
    (
        'branch = { kind = "text", label = { en = "Branch", pt = "Agência" }, max_length = 40 }',
        'branch = "integer"',
        "by = ",
        "Column 'branch' has a filter of kind integer,",
    ),
    (
        'watermark = "booked_at"',
        'period = "booked_at"',
        "sort = ",
        "The first column of `sort` after those of `split.by` must be the period. Write 'booked_at' after 'account'.",
    ),
    (
        "[totals]",
        '[balance]\ncolumn = "amount"\namount = "amount"\n\n[totals]',
        "branch = { kind",
        "Filter 'branch': Without it, a balance would be of the rows of several keys. Add required = true",
    ),
    (
        'file_name = "branch-{branch}-account-{account}-{period}"',
        'file_name = "branch-{brunch}"',
        'file_name = "branch-{brunch}"',
        "`split.file_name`: The placeholder {brunch} does not exist. Use 'branch'.",
    ),
    (
        'file_name = "branch-{branch}-account-{account}-{period}"',
        'file_name = "branch-{period}"',
        'file_name = "branch-{period}"',
        "`split.file_name` is the same for all keys. Add {branch}, another column, or {number}.",
    ),
    (
        'file_name = "branch-{branch}-account-{account}-{period}"',
        'file_name = "Branch {branch}"',
        'file_name = "Branch {branch}"',
        "`split`: `file_name` must not be 'Branch {branch}'. It must consist of lower-case letters",
    ),
    (
        "account {account}",
        "account {acount}",
        "account {acount}",
        "`split.title`: The placeholder {acount} does not exist. Use 'account'.",
    ),
    (
        'en = "Transactions of branch {branch}, account {account}"',
        'en = ""',
        'title = { en = ""',
        "`split`, `title`: The string of language 'en' must not be ''.",
    ),
    (
        'account = { kind = "text", label = { en = "Account", pt = "Conta" }, max_length = 40 }',
        'account = { kind = "text", personal = true }',
        'file_name = "branch-{branch}',
        "`split.file_name`: The filter 'account' is personal, so that no file may be named after it.",
    ),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the sample, which tests may change."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "branch_transactions"))


def test_the_sample_is_valid(folder: Path) -> None:
    report_type, diagnostics = check_folder(folder)
    assert diagnostics == []
    assert report_type is not None
    assert report_type.split is not None
    assert report_type.split.by == ("branch", "account")


@pytest.mark.parametrize(("old", "new", "marker", "message"), CASES, ids=lambda part: part[:40])
def test_errors(folder: Path, old: str, new: str, marker: str, message: str) -> None:
    file = folder / "report.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    changed = text.replace(old, new, 1)
    file.write_text(changed, encoding="utf-8")
    report_type, diagnostics = check_folder(folder)
    assert report_type is None
    line = changed.count("\n", 0, changed.index(marker)) + 1
    found = [(item.line, item.message) for item in diagnostics]
    assert any(number == line and message in text for number, text in found), found


def test_a_date_column_has_no_order(folder: Path) -> None:
    file = folder / "report.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace('by = ["branch", "account"]', 'by = ["to"]').replace('"branch", "account", "id"]', '"to"]')
    text = text.replace("{branch}", "{to}").replace("{account}", "{to}").replace("[columns]", '[columns]\nto = "date"')
    file.write_text(text, encoding="utf-8")
    _, diagnostics = check_folder(folder)
    assert [item.message for item in diagnostics] == [
        "Filter 'to': `not_before` must not be used with a column of `split.by`, because a split report does not set "
        "its filter. Remove it."
    ]


def test_a_title_in_one_language(folder: Path) -> None:
    file = folder / "report.toml"
    text = file.read_text(encoding="utf-8")
    start = text.rindex('title = { en = "Transactions of branch')
    changed = text[:start] + 'title = "Branch {x}"' + text[text.index("\n", start) :]
    file.write_text(changed, encoding="utf-8")
    _, diagnostics = check_folder(folder)
    assert [(item.line, item.message) for item in diagnostics] == [
        (
            changed.count("\n", 0, start) + 1,
            "`split.title`: The placeholder {x} does not exist. Use one of branch, account.",
        )
    ]
