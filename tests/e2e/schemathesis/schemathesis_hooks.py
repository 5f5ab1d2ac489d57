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
    "callback-address",
    st.from_regex(r"\Ahttps://[a-z]{1,20}\.example/[a-z0-9/_~-]{0,40}\Z"),
)
schemathesis.openapi.format(
    "date-time", st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat("T", "seconds"))
)

assert {"America/Sao_Paulo", "Asia/Kathmandu"} <= zoneinfo.available_timezones()


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
