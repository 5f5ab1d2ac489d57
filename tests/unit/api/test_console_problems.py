"""The console has its own words for every error of the API, whose messages are written for developers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

import api.app
from api.estimates.warnings import Facts, find_warnings
from api.http.problems import problem_of
from api.http.timestamps import read_timestamp
from api.pages.console import FOLDER
from api.schedules.models import PreviewRequest
from resma.access.quotas import QuotaUsage
from resma.catalog import find_report_type
from resma.catalog.filters import check_values
from resma.errors import PermanentError, ResmaError, TransientError
from resma.i18n.time_zones import time_zone_unknown_to_source, unknown_time_zone
from resma.report.warnings import WarningCode
from resma.request_errors import RequestError, RequestInvalidError
from resma.requests.report_request import ReportRequest
from resma.schedules.times import read_timing
from resma.snapshot.row_estimate import RowEstimate
from resma.validation_messages import advise
from resma.webhooks.url import parse_webhook_url
from resma.writers.pdf.readability import Readability
from tests.support.console_words import ENGLISH, PORTUGUESE

FUNCTIONS = Path(api.app.__file__).parents[1]
RULES = [
    (re.compile(pattern), key)
    for pattern, key in re.findall(
        r'^  \[/(.+)/, "(field-error\.[\w-]+)"\],$', (FOLDER / "words" / "errors.js").read_text(), re.M
    )
]


def kinds_of(base: type[ResmaError]) -> Iterator[type[ResmaError]]:
    """Yields an error class and all its subclasses."""
    yield base
    for kind in base.__subclasses__():
        yield from kinds_of(kind)


def answered_code(kind: type[ResmaError]) -> str:
    """Returns the code of the problem that the API returns for an error. It is `internal` for internal errors."""
    error = kind.__new__(kind)
    vars(error).update(detail="", scope="", seconds=1, field_errors=())
    return str(json.loads(problem_of(error, "/").body or "")["type"]).removeprefix("urn:resma:problem:")


def codes_of_problems() -> set[str]:
    """Returns all codes of problems: those of error classes, and those in calls that create a problem."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in FUNCTIONS.glob("**/*.py"))
    quotas = re.findall(r'QuotaExceededError\(\s*"([a-z-]+)"', sources)
    written = re.findall(r'\bproblem\(HTTPStatus\.\w+, "([a-z-]+)"', sources)
    assert (len(quotas), len(written)) >= (3, 4)
    return {answered_code(kind) for kind in kinds_of(ResmaError)} | {*quotas, *written}


def test_every_problem_has_words_in_both_languages() -> None:
    codes = codes_of_problems()
    assert len(codes) > 35
    assert {code for code in codes if f"problem.{code}" not in ENGLISH or f"problem.{code}" not in PORTUGUESE} == set()


def test_every_reason_of_a_failed_report_has_words() -> None:
    codes = {kind.code for base in (PermanentError, TransientError) for kind in kinds_of(base)} | {"internal"}
    codes_in_sql = re.findall(
        r"(?:THEN|ELSE) '([a-z]+(?:-[a-z]+)+)'", (FUNCTIONS / "resma" / "jobs" / "transitions.py").read_text()
    )
    assert {"not-started", "worker-died"} <= set(codes_in_sql)
    codes |= set(codes_in_sql)
    assert {code for code in codes if f"failure.{code}" not in PORTUGUESE} == set()


def test_every_warning_of_an_estimate_has_words_with_its_values() -> None:
    counted, room = RowEstimate(2_000_000, is_exact=False), QuotaUsage(1, 10, 9, 1, 0, 0, 60)
    page = Readability(("a",), ("b",))
    worst = Facts(counted, ["XLSX", "CSV"], 10_000, 900, room, ["a"], ["XLSX"], csv_for_excel=True, page=page)
    others = [
        Facts(
            RowEstimate(0, is_exact=True),
            ["CSV"],
            1,
            900,
            QuotaUsage(9, 10, 9, 0, 10, 9, 60),
            [],
            [],
            page=Readability(("a",), ()),
            is_split=True,
        ),
        Facts(
            RowEstimate(10, is_exact=True, keys=10),
            ["PDF"],
            1,
            900,
            QuotaUsage(9, 10, 9, 0, 0, 0, 60),
            [],
            [],
            is_split=True,
        ),
    ]
    warnings = [warning for facts in (worst, *others) for warning in find_warnings(facts)]
    assert (
        len({warning.code for warning in warnings})
        == len(warnings)
        == sum(key.startswith("estimate-warning.") for key in ENGLISH)
    )
    for warning in warnings:
        for words in (ENGLISH, PORTUGUESE):
            assert set(re.findall(r"\{(\w+)\}", words[f"estimate-warning.{warning.code}"])) <= set(warning.values)


def rule_of(detail: str) -> str | None:
    """Returns the key of the words that words/errors.js chooses for a validation error, or None."""
    return next((key for pattern, key in RULES if pattern.search(detail)), None)


def filters(type_: str, **values: object) -> Callable[[], object]:
    """Returns a function that checks filters of a report type."""
    return lambda: check_values(find_report_type(type_), {name.rstrip("_"): value for name, value in values.items()})


def model(kind: type[BaseModel], **values: object) -> Callable[[], object]:
    """Returns a function that validates a request body."""
    return lambda: kind.model_validate(values)


STATEMENT, TRANSACTIONS = "ACCOUNT_STATEMENT", "TRANSACTIONS"
DAILY = {"when": "daily", "timeZone": "UTC"}


@pytest.mark.parametrize(
    ("check", "key"),
    [
        (filters(STATEMENT), "field-error.required"),
        (filters(STATEMENT, account=""), "field-error.required"),
        (filters(STATEMENT, account="1", nonsense=1), "field-error.not-applicable"),
        (filters(TRANSACTIONS, from_="2024-12-31", to="2024-01-01"), "field-error.before-start"),
        (filters(TRANSACTIONS, from_="01/12/2024"), "field-error.invalid-date"),
        (filters(TRANSACTIONS, from_="2024-02-31"), "field-error.invalid-date"),
        (filters(TRANSACTIONS, from_="2024-13-01"), "field-error.invalid-date"),
        (filters(TRANSACTIONS, account="x" * 1000), "field-error.too-long"),
        (filters(TRANSACTIONS, currency=["XXX"]), "field-error.unknown-value"),
        (filters(TRANSACTIONS, currency=[]), "field-error.required"),
        (model(ReportRequest, type=TRANSACTIONS, formats=[]), "field-error.required"),
        (model(ReportRequest, type=TRANSACTIONS, format="CSV", title="x" * 1000), "field-error.too-long"),
        (model(ReportRequest, type=TRANSACTIONS, format="CSV", title="\u202egnp.exe"), "field-error.hidden-characters"),
        (model(ReportRequest, type=TRANSACTIONS, format="DOC"), "field-error.unknown-value"),
        (model(PreviewRequest, **DAILY, misfirePolicy="never"), "field-error.unknown-value"),
        (lambda: read_timestamp("2024-13-01T00:00:00Z", "createdAfter"), "field-error.invalid-date"),
        (lambda: read_timestamp("2024-12-01T24:00:00Z", "createdAfter"), "field-error.invalid-time"),
        (lambda: read_timing("* * *", None, "UTC", None), "field-error.invalid-cron"),
        (lambda: read_timing("61 6 * * *", None, "UTC", None), "field-error.invalid-cron"),
        (lambda: read_timing("0 6 31 2 *", None, "UTC", None), "field-error.invalid-cron"),
        (lambda: read_timing("daily", "25:00", "UTC", None), "field-error.invalid-time"),
        (lambda: read_timing("daily", None, "Sao Paulo", None), "field-error.unknown-time-zone"),
        (lambda: read_timing("first-business-day", None, "UTC", "XX"), "field-error.unknown-holidays"),
        (lambda: parse_webhook_url("hooks.example.com"), "field-error.invalid-url"),
        (lambda: parse_webhook_url("https://São.example/x"), "field-error.invalid-url"),
        (lambda: parse_webhook_url("https://10.0.0.1/x"), "field-error.not-public"),
        (lambda: parse_webhook_url("https://db.internal/x"), "field-error.not-public"),
    ],
)
def test_a_validation_error_has_words(check: Callable[[], object], key: str) -> None:
    with pytest.raises((RequestError, ValidationError)) as raised:
        check()
    match raised.value:
        case ValidationError() as error:
            details = [advise(dict(item)) for item in error.errors()]
        case RequestInvalidError() as error:
            details = [field_error.detail for field_error in error.field_errors]
        case error:
            details = [str(error)]
    assert [rule_of(detail) for detail in details] == [key]


def test_a_message_that_matches_no_rule_has_no_words() -> None:
    assert rule_of("the moon is in the wrong quarter") is None
    assert rule_of(unknown_time_zone("Mars/Olympus")) == "field-error.unknown-time-zone"
    assert rule_of(time_zone_unknown_to_source("Mars/Olympus")) == "field-error.unknown-time-zone"
    assert len(RULES) > 15
    assert {key for _, key in RULES} <= set(PORTUGUESE)


@pytest.mark.parametrize("code", get_args(WarningCode))
def test_every_warning_has_words_and_is_documented(code: str) -> None:
    assert f"warning.{code}" in ENGLISH
    assert f"warning.{code}" in PORTUGUESE
    assert f"| `{code}` |" in (FUNCTIONS.parent / "docs" / "reports-api.md").read_text(encoding="utf-8")
