"""Short ids: the beginning of an id, as tables show it, stands for the whole where it is unique."""

from __future__ import annotations

import re
from collections.abc import Sequence

from resma_cli.api_client import Api
from resma_cli.exit_codes import CommandFailedError, ExitCode

SHORT = 8
"""Characters of a short id, after a prefix such as `sch_`. More are shown where two ids begin alike."""
SHORTEST = 4
"""Fewer than this are not looked up."""

_REPORT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_REPORT_START = re.compile(r"[0-9a-f][0-9a-f-]{3,35}", re.IGNORECASE)


def find_report_id(api: Api, said: str) -> str:
    """Returns the id of the one report whose id begins so. A whole id is returned as it is, without a request.

    Raises CommandFailedError where no report or several begin so.
    """
    if _REPORT.fullmatch(said):
        return said
    if not _REPORT_START.fullmatch(said):
        detail = f"`{said}` is not a report's id. `resma list` shows ids; the first {SHORTEST} characters are enough."
        raise CommandFailedError(ExitCode.NOT_FOUND, detail)
    found = api.get("/api/v1/reports", {"idPrefix": said, "limit": 2})["items"]
    ids = [str(item["id"]) for item in found if item["id"].startswith(said.lower())]
    return _the_one(ids, said, "report", "resma list")


def find_schedule_id(api: Api, said: str) -> str:
    """Returns the id of the one schedule whose id begins so, with or without `sch_`. Raises CommandFailedError."""
    return _find_listed(api, said, "sch_", "/api/v1/schedules", "schedule")


def find_endpoint_id(api: Api, said: str) -> str:
    """Returns the id of the one endpoint whose id begins so, with or without `whe_`. Raises CommandFailedError."""
    if said == "callback":
        return said
    return _find_listed(api, said, "whe_", "/api/v1/webhook-endpoints", "webhook")


def _find_listed(api: Api, said: str, prefix: str, path: str, noun: str) -> str:
    if re.fullmatch(prefix + "[0-9a-f]{32}", said):
        return said
    start = prefix + said.removeprefix(prefix).lower()
    if not re.fullmatch(rf"{prefix}[0-9a-f]{{{SHORTEST},32}}", start):
        detail = f"`{said}` is not a {noun}'s id. `resma {noun} list` shows ids; {SHORTEST} characters are enough."
        raise CommandFailedError(ExitCode.NOT_FOUND, detail)
    items = api.get(path)["items"] if prefix == "whe_" else api.pages(path, {}, None)[0]
    return _the_one(
        [str(item["id"]) for item in items if item["id"].startswith(start)], said, noun, f"resma {noun} list"
    )


def _the_one(found: Sequence[str], said: str, noun: str, command: str) -> str:
    if not found:
        raise CommandFailedError(
            ExitCode.NOT_FOUND, f"There is no {noun} whose id begins with `{said}`. See `{command}`."
        )
    if len(found) > 1:
        detail = f"Several ids begin with `{said}`, such as {found[0]} and {found[1]}. Use more characters."
        raise CommandFailedError(ExitCode.USAGE, detail)
    return found[0]


def shorten(ids: Sequence[str]) -> list[str]:
    """The ids' beginnings, as long as it takes to tell them apart."""
    starts = [len(one.rpartition("_")[0]) + 1 if "_" in one else 0 for one in ids]
    for length in range(SHORT, 40):
        short = [one[: start + length] for one, start in zip(ids, starts, strict=True)]
        if len(set(short)) == len(set(ids)):
            return short
    return list(ids)
