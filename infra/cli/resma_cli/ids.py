"""Short ids: commands accept the first characters of an id, as tables show it, if they are unique."""

from __future__ import annotations

import re
from collections.abc import Sequence

from resma_cli.api_client import Api
from resma_cli.exit_codes import CommandFailedError, ExitCode

SHORT = 8
"""Characters of a short id, after a prefix such as `sch_`. Tables show more if two ids would be the same."""
MIN_CHARACTERS = 4
"""Minimum number of characters of an id that is looked up."""

_REPORT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_REPORT_START = re.compile(r"[0-9a-f][0-9a-f-]{3,35}", re.IGNORECASE)


def find_report_id(api: Api, text: str) -> str:
    """Returns the id of the report whose id starts with `text`. A complete id is returned without a request.

    Raises CommandFailedError if no report or several reports match.
    """
    if _REPORT.fullmatch(text):
        return text
    if not _REPORT_START.fullmatch(text):
        detail = (
            f"`{text}` is not a report's id. `resma list` shows ids; the first {MIN_CHARACTERS} characters are enough."
        )
        raise CommandFailedError(ExitCode.NOT_FOUND, detail)
    items = api.get("/api/v1/reports", {"idPrefix": text, "limit": 2})["items"]
    ids = [str(item["id"]) for item in items if item["id"].startswith(text.lower())]
    return _require_one(ids, text, "report", "resma list")


def find_schedule_id(api: Api, text: str) -> str:
    """Returns the id of the schedule whose id starts with `text`, with or without `sch_`. Raises CommandFailedError."""
    return _find_listed(api, text, "sch_", "/api/v1/schedules", "schedule")


def find_endpoint_id(api: Api, text: str) -> str:
    """Returns the id of the endpoint whose id starts with `text`, with or without `whe_`. Raises CommandFailedError."""
    if text == "callback":
        return text
    return _find_listed(api, text, "whe_", "/api/v1/webhook-endpoints", "webhook")


def find_destination_id(api: Api, text: str) -> str:
    """Returns the id of the destination whose id starts with `text`, with or without `dst_`.

    Raises CommandFailedError.
    """
    return _find_listed(api, text, "dst_", "/api/v1/destinations", "destination")


def find_certificate_id(api: Api, text: str) -> str:
    """Returns the id of the certificate whose id starts with `text`, with or without `crt_`.

    Raises CommandFailedError.
    """
    return _find_listed(api, text, "crt_", "/api/v1/certificates", "certificate")


def _find_listed(api: Api, text: str, prefix: str, path: str, noun: str) -> str:
    if re.fullmatch(prefix + "[0-9a-f]{32}", text):
        return text
    start = prefix + text.removeprefix(prefix).lower()
    if not re.fullmatch(rf"{prefix}[0-9a-f]{{{MIN_CHARACTERS},32}}", start):
        detail = (
            f"`{text}` is not a {noun}'s id. `resma {noun} list` shows ids; {MIN_CHARACTERS} characters are enough."
        )
        raise CommandFailedError(ExitCode.NOT_FOUND, detail)
    items = api.get(path)["items"] if prefix in {"whe_", "dst_", "crt_"} else api.pages(path, {}, None)[0]
    return _require_one(
        [str(item["id"]) for item in items if item["id"].startswith(start)], text, noun, f"resma {noun} list"
    )


def _require_one(ids: Sequence[str], text: str, noun: str, command: str) -> str:
    if not ids:
        raise CommandFailedError(
            ExitCode.NOT_FOUND, f"There is no {noun} whose id starts with `{text}`. See `{command}`."
        )
    if len(ids) > 1:
        detail = f"Several ids start with `{text}`, such as {ids[0]} and {ids[1]}. Use more characters."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return ids[0]


def shorten(ids: Sequence[str]) -> list[str]:
    """Returns the ids shortened to the same length, so that they are still distinct."""
    starts = [len(one.rpartition("_")[0]) + 1 if "_" in one else 0 for one in ids]
    for length in range(SHORT, 40):
        short = [one[: start + length] for one, start in zip(ids, starts, strict=True)]
        if len(set(short)) == len(set(ids)):
            return short
    return list(ids)
