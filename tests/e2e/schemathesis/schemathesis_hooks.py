"""What Schemathesis must know to make valid requests, beyond what a JSON Schema can say."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC
from typing import Any
from uuid import uuid4

import schemathesis
from hypothesis import strategies as st

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
schemathesis.openapi.format("country-code", st.sampled_from(["BR", "PT", "US"]))

assert {"America/Sao_Paulo", "Asia/Kathmandu"} <= zoneinfo.available_timezones()


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]+([Zz]|[+-][0-9:]{5})")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_KEY = re.compile(r'[!#-\[\]-~]{1,255}|"[ !#-\[\]-~]{1,255}"')


@schemathesis.hook
def map_headers(_context: Any, headers: Any) -> Any:
    """A request that is another one has another Idempotency-Key; one that can't be used stays as it is."""
    name = "Idempotency-Key"
    if headers and isinstance(headers.get(name), str) and _KEY.fullmatch(headers[name]):
        headers[name] = uuid4().hex
    return headers


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """LocalStack, and not API Gateway, answers itself where a form has no boundary: with an error of its own."""
    media_type = str((case.headers or {}).get("Content-Type", ""))
    return not (media_type.startswith("multipart/") and "boundary=" not in media_type)


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """A period does not end before it begins: of two days the earlier one is the first.

    And where `formats` is null, options of other formats than `format` are left out. The document says by `contains`
    that they go with theirs, which JSON Schema does not ask of null (2020-12 §6.4.4); said more strictly, Schemathesis
    can make no body of it.
    """
    if isinstance(body, dict) and body.get("formats", ()) is None:
        options = body.get("options")
        if isinstance(options, dict) and isinstance(body.get("format"), str):
            body["options"] = {name: value for name, value in options.items() if name == body["format"].lower()}
    filters = body.get("filters") if isinstance(body, dict) else None
    if isinstance(filters, dict) and isinstance(filters.get("from"), str) and isinstance(filters.get("to"), str):
        first, last = sorted((filters["from"], filters["to"]))
        filters |= {"from": first, "to": last}
    return body


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Of a schedule, what is good by itself and must not come together is taken apart, in every phase.

    A time of day is for words, a calendar for one of them; a period fills in days; and there is a run before the end.
    What a change leaves out is what it was, which nobody knows here: it is said.
    """
    body = case.body
    # Not map_headers alone: the schedule may have been changed since the key came before, and its request with it.
    if case.path.endswith("/run") and case.headers:
        map_headers(None, case.headers)
    if isinstance(body, dict) and "/schedules" in case.path:
        if case.method == "PATCH":
            said = {"when": "daily", "period": None, "request": {"type": "TRANSACTIONS", "format": "CSV"}}
            case.body = body = said | body
        if isinstance(body.get("when"), str):
            _mend_times(body)
        if _is_like(body.get("endsAt"), _MOMENT):
            body["endsAt"] = "2120-01-01T00:00:00Z"
        _mend_request(body)


def _mend_times(body: dict[str, Any]) -> None:
    is_word = body["when"] in {"daily", "weekly", "monthly", "first-business-day"}
    if not is_word and _is_like(body.get("at"), _TIME_OF_DAY):
        del body["at"]
    if body["when"] != "first-business-day" and _is_like(body.get("calendar"), re.compile("[A-Z]{2}")):
        del body["calendar"]


def _mend_request(body: dict[str, Any]) -> None:
    request = map_body(None, body.get("request"))
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
