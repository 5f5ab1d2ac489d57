"""What the API says in terms of HTTP, said as commands."""

from __future__ import annotations

import re

_COMMANDS = (
    (r": see `errors`\.?", ""),  # which are shown below it
    (r"GET /api/v1/reports/\{id\}/deliveries", "`resma webhook deliveries --report ID`"),
    (r"GET /api/v1/reports(?![/\w])", "`resma list`"),
    (r"GET /api/v1/report-types(?![/\w])", "`resma type list`"),
    (r"GET /api/v1/schedules(?![/\w])", "`resma schedule list`"),
    (r"GET /api/v1/webhook-endpoints(?![/\w])", "`resma webhook list`"),
    (r"GET /api/v1/api-keys(?![/\w])", "`resma key list`"),
    (r"POST /api/v1/dead-letters/([\w-]+)/redrive", "`resma dead-letter redrive \\1`"),
)


def say_in_commands(text: str) -> str:
    """A sentence of the API's, with the commands that do what it advises; what has none stays as it is."""
    for said, command in _COMMANDS:
        text = re.sub(said, command, text)
    return text
