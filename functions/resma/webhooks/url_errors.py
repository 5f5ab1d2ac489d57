"""An address of a webhook in a request: what can be seen in it is refused at once."""

from __future__ import annotations

from collections.abc import Iterator

from resma.errors import FieldError, WebhookUrlNotAllowedError
from resma.webhooks.receivers import AllowedReceivers
from resma.webhooks.url import parse_webhook_url


def webhook_url_errors(url: str | None, pointer: str, receivers: AllowedReceivers) -> Iterator[FieldError]:
    """What is wrong with the URL of a webhook, if there is one; `pointer` is where it is in the request."""
    if url is None:
        return
    try:
        parse_webhook_url(url, receivers)
    except WebhookUrlNotAllowedError as error:
        yield FieldError(pointer, error.detail)


def callback_errors(url: str | None, receivers: AllowedReceivers) -> Iterator[FieldError]:
    """The same for a report request's `callbackUrl`."""
    return webhook_url_errors(url, "/callbackUrl", receivers)
