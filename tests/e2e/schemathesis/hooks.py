"""What Schemathesis must know to make valid requests, beyond what a JSON Schema can say."""

from __future__ import annotations

import zoneinfo
from typing import Any

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format("iana-time-zone", st.sampled_from(["UTC", "America/Sao_Paulo", "Asia/Kathmandu"]))
schemathesis.openapi.format(
    "callback-address",
    st.from_regex(r"\Ahttps?://[a-z]{1,20}\.example(:[1-9][0-9]{1,3})?/[a-z0-9/_~-]{0,40}\Z"),
)

assert {"America/Sao_Paulo", "Asia/Kathmandu"} <= zoneinfo.available_timezones()


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """A period does not end before it begins: of two days the earlier one is the first."""
    filters = body.get("filters") if isinstance(body, dict) else None
    if isinstance(filters, dict) and isinstance(filters.get("from"), str) and isinstance(filters.get("to"), str):
        first, last = sorted((filters["from"], filters["to"]))
        filters |= {"from": first, "to": last}
    return body
