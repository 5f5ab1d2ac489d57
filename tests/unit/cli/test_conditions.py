"""Conditions on the command line: `--only-if`, and a report that is SKIPPED because of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resma_cli.commands import generate
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.rendering import describe_conditions
from resma_cli.request_options import read_conditions
from resma_cli.shared_options import ApiOptions
from resma_cli.target import OutputTarget

TYPED = ["rows>=1", "rows <= 1000", "amount:BRL>=100.00", "amount:BRL<=200", "amount<=-5", "changed"]
CONDITIONS = {
    "rows": {"min": 1, "max": 1000},
    "totals": [
        {"amount": "amount", "currency": "BRL", "min": "100.00", "max": "200"},
        {"amount": "amount", "max": "-5"},
    ],
    "changed": True,
}


def test_conditions_become_json() -> None:
    assert read_conditions(TYPED) == CONDITIONS
    assert read_conditions(["rows>=many"]) == {"rows": {"min": "many"}}, "the API returns the error"


@pytest.mark.parametrize("text", ["", "rows", "rows=1", "rows>1", ">=1", "rows>=", "a<=1<=2", "unchanged"])
def test_what_is_not_a_condition_is_a_usage_error(text: str) -> None:
    with pytest.raises(CommandFailedError, match="is not a condition") as failed:
        read_conditions([text])
    assert failed.value.exit_code is ExitCode.USAGE


def test_conditions_are_shown_in_one_line() -> None:
    shown = "rows >= 1 and <= 1000, amount BRL >= 100.00 and <= 200, amount <= -5, changed"
    assert describe_conditions(CONDITIONS) == shown
    assert describe_conditions(None) is None


@pytest.mark.parametrize("as_json", [False, True])
def test_waiting_for_a_report_that_is_skipped_succeeds_with_a_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    reason = {"code": "rows-out-of-range", "detail": "The data have 0 rows, and `onlyIf` has a minimum of 1."}
    report: dict[str, Any] = {"id": "840edab4", "status": "SKIPPED", "skippedReason": reason}
    monkeypatch.setattr(generate, "follow", lambda *_: report)
    options = ApiOptions(as_json=as_json, api_url="http://127.0.0.1:1")
    generate.wait_and_save(options, {"id": "840edab4"}, OutputTarget(None, overwrite=False))
    out, err = capsys.readouterr()
    assert "Report 840edab4 is SKIPPED: rows-out-of-range" in err.replace("\n", " ")
    assert (json.loads(out) if as_json else out) == ({**report, "saved": []} if as_json else "")
