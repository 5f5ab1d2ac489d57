"""Requests of split reports: which columns a report may be split by, and the filters that it may have."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.paths import ROOT
from resma.access.caller import Caller
from resma.catalog import catalog_folder, find_report_type
from resma.jobs.personal_data import personal_content
from resma.request_errors import RequestInvalidError, ScopeMissingError
from resma.requests.report_request import ReportRequest
from resma.requests.submit import check_request, find_partial_errors
from tests.support.report_content import plain_content

SAMPLES = ROOT / "tests" / "support" / "report_types"
CALLER = Caller("demo", "key:test", frozenset({"reports:write"}))
REQUEST = {"type": "BRANCH_TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01"}}


@pytest.fixture(autouse=True)
def _sample_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESMA_CATALOG", str(SAMPLES))
    for name, value in {"STAGE": "local", "RETENTION_DAYS": "30", "MAX_RETENTION_DAYS": "3650"}.items():
        monkeypatch.setenv(name, value)
    assert catalog_folder().name == "report_types"


def errors_of(**changes: Any) -> list[tuple[str, str]]:
    """Returns pointer and detail of the errors of a request."""
    with pytest.raises(RequestInvalidError) as caught:
        check_request(CALLER, ReportRequest.model_validate({**REQUEST, **changes}))
    return [(field_error.pointer, field_error.detail) for field_error in caught.value.field_errors]


@pytest.mark.parametrize("split_by", [["branch"], ["branch", "account"]])
def test_the_first_columns_are_accepted(split_by: list[str]) -> None:
    new = check_request(CALLER, ReportRequest.model_validate({**REQUEST, "splitBy": split_by, "zip": True}))
    assert (new.split_by, new.zip, new.filters) == (split_by, True, {"from": "2024-01-01"})


@pytest.mark.parametrize("split_by", [["account"], ["account", "branch"], ["branch", "id"], ["branch", "branch"]])
def test_other_columns_are_refused(split_by: list[str]) -> None:
    detail = f'It must be ["branch"] or ["branch", "account"], not {json.dumps(split_by)}.'
    assert errors_of(splitBy=split_by) == [("/splitBy", detail)]


@pytest.mark.parametrize("filters", [{}, {"account": "BR1000-104729"}])
def test_wrong_columns_make_no_filter_wrong(filters: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESMA_CATALOG", str(ROOT / "infra" / "demo" / "catalog"))
    period = {"from": "2024-03-01", "to": "2024-03-31"}
    given: dict[str, Any] = {"type": "ACCOUNT_STATEMENT", "splitBy": ["currency"]}
    assert errors_of(**given, filters={**period, **filters}) == [
        ("/splitBy", 'It must be ["account"], not ["currency"].')
    ]
    assert [pointer for pointer, _ in errors_of(**given, filters={**filters, "x": 1})] == ["/splitBy", "/filters/x"]


def test_a_type_without_columns_to_split_by_is_refused() -> None:
    ((pointer, detail),) = errors_of(type="FEES", splitBy=["account"])
    assert pointer == "/splitBy"
    assert detail.startswith("A report of type FEES cannot be split. Remove it")


def test_all_errors_are_returned_at_once() -> None:
    filters = {"account": "BR1000-104729", "from": "2024-01-02", "to": "2024-01-01", "x": 1}
    assert [pointer for pointer, _ in errors_of(splitBy=["branch", "account"], filters=filters, timeZone="x")] == [
        "/filters/x",
        "/filters/to",
        "/filters/account",
        "/timeZone",
    ]


def test_a_filter_of_a_column_that_the_report_is_not_split_by_is_accepted() -> None:
    request = {**REQUEST, "splitBy": ["branch"], "filters": {"account": "BR1000-104729"}}
    assert check_request(CALLER, ReportRequest.model_validate(request)).filters == {"account": "BR1000-104729"}


def test_a_zip_archive_requires_split_columns() -> None:
    assert errors_of(zip=True) == [("/zip", "Only a split report has a ZIP archive. Set `splitBy`, or remove `zip`.")]


def test_split_columns_of_a_wrong_type_hide_errors_that_depend_on_them() -> None:
    body = {**REQUEST, "splitBy": "branch", "zip": True, "filters": {"branch": 1}, "timeZone": "Mars"}
    errors = find_partial_errors(body, {"splitBy"}, lambda _: ())
    assert [field_error.pointer for field_error in errors] == ["/timeZone"]


@pytest.fixture
def personal_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account of the sample type is personal."""
    folder = Path(shutil.copytree(SAMPLES / "branch_transactions", tmp_path / "branch_transactions"))
    file = folder / "report.toml"
    text = file.read_text(encoding="utf-8").replace("-account-{account}", "")
    text = text.replace(
        'account = { heading = { en = "Account"', 'account = { personal = true, heading = { en = "Account"'
    )
    text = text.replace('account = { kind = "text"', 'account = { personal = true, kind = "text"')
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("RESMA_CATALOG", str(tmp_path))


@pytest.mark.usefixtures("personal_account")
def test_a_personal_column_requires_the_scope() -> None:
    request = ReportRequest.model_validate({**REQUEST, "splitBy": ["branch", "account"]})
    with pytest.raises(ScopeMissingError) as caught:
        check_request(CALLER, request)
    assert caught.value.scope == "personal:read"
    assert [(field_error.pointer, field_error.detail) for field_error in caught.value.field_errors] == [
        ("/splitBy/1", "Remove it: the values of this column are masked for you.")
    ]
    check_request(CALLER, ReportRequest.model_validate({**REQUEST, "splitBy": ["branch"]}))
    new = check_request(replace(CALLER, scopes=CALLER.scopes | {"personal:read"}), request)
    assert (new.split_by, new.personal_masked) == (["branch", "account"], False)


@pytest.mark.usefixtures("personal_account")
def test_files_of_a_personal_column_show_its_filter() -> None:
    content = replace(plain_content("BRANCH_TRANSACTIONS", ["CSV"]), split_by=["branch", "account"])
    assert personal_content(content) == (["account", "description"], ["account"])
    assert personal_content(replace(content, split_by=["branch"])) == (["account", "description"], [])


def test_equal_requests_have_equal_hashes() -> None:
    hashes = [
        check_request(CALLER, ReportRequest.model_validate({**REQUEST, **changes})).request_sha256
        for changes in ({}, {"splitBy": None}, {"splitBy": ["branch"]}, {"splitBy": ["branch"], "zip": True})
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_a_required_filter_is_not_required_of_split_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    report_type = find_report_type("BRANCH_TRANSACTIONS")
    required = tuple(item.model_copy(update={"required": item.name == "branch"}) for item in report_type.filters)
    report_type = report_type.model_copy(update={"filters": required})
    with pytest.raises(RequestInvalidError, match="requires this filter"):
        report_type.check_filters({})
    assert report_type.check_filters({}, ["branch"]) == {}
