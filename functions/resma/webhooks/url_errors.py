"""Validation errors of webhook URLs in requests."""

from __future__ import annotations

from collections.abc import Iterator

from resma.network.receivers import AllowedReceivers
from resma.request_errors import FieldError, WebhookUrlNotAllowedError
from resma.webhooks.url import parse_webhook_url


def webhook_url_errors(url: str | None, pointer: str, receivers: AllowedReceivers) -> Iterator[FieldError]:
    """Yields the validation error of a webhook URL, if it has one; `pointer` is its position in the request."""
    if url is None:
        return
    try:
        parse_webhook_url(url, receivers)
    except WebhookUrlNotAllowedError as error:
        yield FieldError(pointer, error.detail)


def callback_errors(url: str | None, receivers: AllowedReceivers) -> Iterator[FieldError]:
    """Yields the validation error of a report request's `callbackUrl`, if it has one."""
    return webhook_url_errors(url, "/callbackUrl", receivers)
