"""Hooks for Schemathesis that make generated requests follow rules which JSON Schema cannot express."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC
from decimal import Decimal
from typing import Any
from uuid import uuid4

import schemathesis
from hypothesis import strategies as st
from pysequoia import Tsk

schemathesis.openapi.format("iana-time-zone", st.sampled_from(["UTC", "America/Sao_Paulo", "Asia/Kathmandu"]))
schemathesis.openapi.format(
    "callback-url",
    st.from_regex(r"\Ahttps://[a-z]{1,20}\.example/[a-z0-9/_~-]{0,40}\Z"),
)
schemathesis.openapi.format(
    "date-time", st.datetimes(timezones=st.just(UTC)).map(lambda timestamp: timestamp.isoformat("T", "seconds"))
)

schemathesis.openapi.format(
    "schedule-times", st.sampled_from(["daily", "weekly", "monthly", "first-business-day", "30 6 * * 1-5", "0 0 L * *"])
)
schemathesis.openapi.format("pdf-password", st.from_regex(r"\A[!-~]{8,127}\Z"))
schemathesis.openapi.format("country-code", st.sampled_from(["BR", "PT", "US"]))

assert {"America/Sao_Paulo", "Asia/Kathmandu"} <= zoneinfo.available_timezones()


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]+([Zz]|[+-][0-9:]{5})")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_NAME = re.compile(r"[^\x00]{0,100}")
_TEXT = re.compile(r"[^\x00]{1,40}")
_TOTALS = {"TRANSACTIONS": "amount", "ACCOUNT_STATEMENT": "amount", "DAILY_SUMMARY": "net"}
_CONDITION = {"amount", "currency", "min", "max"}
_AMOUNT = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,20})?")
_DESTINATION_ID = re.compile(r"dst_[0-9a-f]{32}")
_CERTIFICATE_ID = re.compile(r"crt_[0-9a-f]{32}")
_MAX_CERTIFICATE = 100_000
_CERTIFICATE = str(Tsk.generate("receiver@example.com").extract_certificate())
_KEY = re.compile(r'[!#-\[\]-~]{1,255}|"[ !#-\[\]-~]{1,255}"')


@schemathesis.hook
def map_headers(_context: Any, headers: Any) -> Any:
    """Gives each request its own Idempotency-Key, unless the key is invalid and meant to be refused."""
    name = "Idempotency-Key"
    if headers and isinstance(headers.get(name), str) and _KEY.fullmatch(headers[name]):
        headers[name] = uuid4().hex
    return headers


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Skips multipart forms without a boundary: LocalStack, unlike API Gateway, answers them with its own error."""
    media_type = str((case.headers or {}).get("Content-Type", ""))
    return not (media_type.startswith("multipart/") and "boundary=" not in media_type)


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Corrects rules of split reports, conditions, destinations and certificates in requests, and two other rules.

    The filter `from` gets the earlier of the two days. If `formats` is null, options of formats other than `format` are
    removed: the document forbids them with `contains`, which does not apply to null (JSON Schema 2020-12 §6.4.4), and
    with a stricter rule Schemathesis cannot generate a body.
    """
    _correct_report(body, may_be_split=True)
    if isinstance(body, dict):
        _correct_certificate(body)
    return body


def _correct_report(body: Any, *, may_be_split: bool) -> None:
    """Corrects a request for a report, as `map_body` describes. Does nothing if it is not an object."""
    if isinstance(body, dict) and body.get("formats", ()) is None:
        options = body.get("options")
        if isinstance(options, dict) and isinstance(body.get("format"), str):
            body["options"] = {name: value for name, value in options.items() if name == body["format"].lower()}
    filters = body.get("filters") if isinstance(body, dict) else None
    if isinstance(filters, dict) and isinstance(filters.get("from"), str) and isinstance(filters.get("to"), str):
        first, last = sorted((filters["from"], filters["to"]))
        filters |= {"from": first, "to": last}
    if isinstance(body, dict):
        _correct_split(body, may_be_split=may_be_split)
        _correct_conditions(body)
        _correct_destinations(body)


def _correct_certificate(body: dict[str, Any]) -> None:
    """Replaces a string that the schema allows by a certificate."""
    text = body.get("certificate")
    if isinstance(text, str) and "\0" not in text and 1 <= len(text) <= _MAX_CERTIFICATE:
        body["certificate"] = _CERTIFICATE


def _correct_destinations(body: dict[str, Any]) -> None:
    """Removes destinations and certificates whose ids are valid, because none with these ids exists."""
    for name, pattern in (("deliverTo", _DESTINATION_ID), ("encryptFor", _CERTIFICATE_ID)):
        ids = body.get(name)
        if isinstance(ids, list) and all(_is_like(each, pattern) for each in ids) and len({*ids}) == len(ids) <= 10:
            body[name] = None


def _correct_split(body: dict[str, Any], *, may_be_split: bool) -> None:
    """Splits a statement by its account instead of filtering by it, and no other report."""
    split_by, filters = body.get("splitBy"), body.get("filters") or {}
    if isinstance(split_by, list) and split_by and all(_is_like(name, _NAME) for name in split_by):
        is_statement = body.get("type") == "ACCOUNT_STATEMENT" and isinstance(filters, dict)
        if may_be_split and is_statement and _is_like(filters.get("account"), _TEXT):
            body["splitBy"] = ["account"]
            del filters["account"]
        else:
            body["splitBy"] = None
    if body.get("splitBy") is None and body.get("zip") is True:
        body["zip"] = False


def _correct_conditions(body: dict[str, Any]) -> None:
    """Gives conditions the totals of the report type, at least one limit, and a `min` that is not higher than `max`."""
    only_if = body.get("onlyIf")
    if not isinstance(only_if, dict):
        return
    rows, totals = only_if.get("rows"), only_if.get("totals")
    if isinstance(rows, dict):
        _correct_limits(rows, 0)
    if isinstance(totals, list) and all(isinstance(each, dict) for each in totals):
        name = _TOTALS.get(str(body.get("type")))
        for each in totals:
            if _is_like(each.get("amount"), _TEXT):
                each["amount"] = name or each["amount"]
            _correct_limits(each, "0")
        if name is None and all({"amount"} <= each.keys() <= _CONDITION for each in totals):
            only_if["totals"] = None
    if only_if.keys() <= {"rows", "totals", "changed"} and not any(only_if.values()):
        only_if["changed"] = True


def _correct_limits(limits: dict[str, Any], default: Any) -> None:
    low: Any = limits.get("min")
    high: Any = limits.get("max")
    if limits.keys() <= _CONDITION and low is None and high is None:
        limits["min"] = default
    are_amounts = all(_is_like(each, _AMOUNT) for each in (low, high))
    are_counts = all(isinstance(each, int | float) for each in (low, high))
    if (are_amounts and Decimal(low) > Decimal(high)) or (are_counts and low > high):
        limits |= {"min": high, "max": low}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Corrects schedules whose fields are valid but must not be combined, in every phase.

    A time of day is removed if `when` is a cron expression, a calendar if `when` is not `first-business-day`, and days
    in the filters if there is a period. `endsAt` is set so late that there is a run before it. The days of a backfill
    are moved to one month. A PATCH gets all these fields, since the current values of the schedule are not known here.
    """
    body = case.body
    # map_headers is not enough: the schedule, and with it the request, may have changed since the key was used.
    if case.path.endswith("/run") and case.headers:
        map_headers(None, case.headers)
    if isinstance(body, dict) and case.path.endswith("/backfill"):
        _correct_days(body)
    elif isinstance(body, dict) and "/schedules" in case.path:
        if case.method == "PATCH":
            defaults = {"when": "daily", "period": None, "request": {"type": "TRANSACTIONS", "format": "CSV"}}
            case.body = body = defaults | body
        if isinstance(body.get("when"), str):
            _correct_times(body)
        if _is_like(body.get("endsAt"), _TIMESTAMP):
            body["endsAt"] = "2120-01-01T00:00:00Z"
        _correct_request(body)


def _correct_days(body: dict[str, Any]) -> None:
    """Moves the valid days of a backfill to one month of the past, and makes `to` the later one."""
    names = [name for name in ("from", "to") if _is_like(body.get(name), _DAY)]
    days = sorted("2020-01-" + min(body[name][8:], "31") for name in names)
    body |= zip(names, days, strict=True)


def _correct_times(body: dict[str, Any]) -> None:
    is_name = body["when"] in {"daily", "weekly", "monthly", "first-business-day"}
    if not is_name and _is_like(body.get("at"), _TIME_OF_DAY):
        del body["at"]
    if body["when"] != "first-business-day" and _is_like(body.get("calendar"), re.compile("[A-Z]{2}")):
        del body["calendar"]


def _correct_request(body: dict[str, Any]) -> None:
    """Corrects the request of a schedule, and makes it one of a report that is not split.

    Schemathesis validates a body again that `before_call` has changed, with rules that require the filter `account`.
    """
    request = body.get("request")
    _correct_report(request, may_be_split=False)
    if not isinstance(request, dict):
        return
    if request.get("deduplicate") is True:
        del request["deduplicate"]
    filters = request.get("filters")
    if isinstance(body.get("period"), str) and isinstance(filters, dict):
        for name in ("from", "to"):
            if _is_like(filters.get(name), _DAY):
                del filters[name]


def _is_like(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
