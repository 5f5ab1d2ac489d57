"""An address of a webhook in a request: what can be seen in it is refused at once."""

from __future__ import annotations

from resma.errors import Fault, RequestInvalid, WebhookAddressRefused
from resma.webhook_address import parse_webhook_address


def check_webhook_address(url: str, pointer: str, *, opens_loopback: bool) -> None:
    """Raises RequestInvalid with a fault at `pointer`, which says what to give instead."""
    try:
        parse_webhook_address(url, opens_loopback=opens_loopback)
    except WebhookAddressRefused as error:
        raise RequestInvalid("webhooks can't be sent to this address", (Fault(pointer, error.detail),)) from error


def check_callback(url: str | None, *, opens_loopback: bool) -> None:
    """The same of a report request's `callbackUrl`, which may be left out."""
    if url is not None:
        check_webhook_address(url, "/callbackUrl", opens_loopback=opens_loopback)
