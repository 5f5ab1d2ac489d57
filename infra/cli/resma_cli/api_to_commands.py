"""Translates HTTP requests that the API's messages recommend into commands."""

from __future__ import annotations

import re

_COMMANDS = (
    (r": see `errors`\.?", ""),  # errors are printed below the message
    (r"GET /api/v1/reports/\{id\}/deliveries", "`resma webhook deliveries --report ID`"),
    (r"GET /api/v1/destinations/\{id\}/deliveries", "`resma destination deliveries --destination ID`"),
    (r"GET /api/v1/destinations(?![/\w])", "`resma destination list`"),
    (r"GET /api/v1/certificates(?![/\w])", "`resma certificate list`"),
    (r"GET /api/v1/reports/([\w-]+)/files(?![/\w])", "`resma files list \\1`"),
    (r"GET /api/v1/reports(?![/\w])", "`resma list`"),
    (r"GET /api/v1/report-types(?![/\w])", "`resma type list`"),
    (r"GET /api/v1/schedules(?![/\w])", "`resma schedule list`"),
    (r"GET /api/v1/webhook-endpoints(?![/\w])", "`resma webhook list`"),
    (r"GET /api/v1/api-keys(?![/\w])", "`resma key list`"),
    (r"POST /api/v1/dead-letters/([\w-]+)/redrive", "`resma dead-letter redrive \\1`"),
)


def replace_requests_by_commands(text: str) -> str:
    """Returns a message of the API with commands instead of requests. Requests without a command are kept."""
    for request, command in _COMMANDS:
        text = re.sub(request, command, text)
    return text
