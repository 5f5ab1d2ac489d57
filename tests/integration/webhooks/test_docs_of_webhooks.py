"""docs/webhooks.md: its snippet works, and its pauses and limits match the code."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from infra.paths import ROOT
from resma.jobs.completed_event import EventType
from resma.network.connect import Network
from resma.network.receivers import AllowedReceivers
from resma.retry_pauses import BACKOFF
from resma.webhooks.endpoints import MAX_ENDPOINTS
from tests.support.http_receivers import receiver, status
from webhook import post_signed
from webhook.deliver import MAX_PARALLEL, MAX_PARALLEL_PER_TENANT

PAGE = Path(ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())
SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"


@pytest.fixture
def verify_webhook() -> Callable[..., Any]:
    """Returns the function of the snippet in the page."""
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)
    taken: Callable[..., Any] = names["verify_webhook"]
    return taken


def test_the_snippet_verifies_what_is_sent(verify_webhook: Callable[..., Any]) -> None:
    with receiver(status(204)) as server:
        body = '{"id": "evt_1", "title": "Extrato de março"}'
        post_signed.post_signed(server.url, "evt_1", body, [SECRET], Network(AllowedReceivers(opens_loopback=True)))
    (request,) = server.requests
    assert verify_webhook(request.body, request.headers, SECRET) == {"id": "evt_1", "title": "Extrato de março"}
    assert verify_webhook(request.body, request.headers, OTHER) is None
    assert verify_webhook(request.body + b" ", request.headers, SECRET) is None
    assert verify_webhook(request.body, {**request.headers, "webhook-id": "evt_2"}, SECRET) is None
    for garbage in ("", "v1", "v1,", "v1,%%%", "garbage", "v1,é"):
        assert verify_webhook(request.body, {**request.headers, "webhook-signature": garbage}, SECRET) is None
    assert verify_webhook(b"\xff", request.headers, SECRET) is None
    assert verify_webhook(request.body, {**request.headers, "webhook-timestamp": "now"}, SECRET) is None
    assert verify_webhook(request.body, {}, SECRET) is None


def test_the_pauses_are_those_of_the_code() -> None:
    (line,) = re.findall(r"^\| pause \|(.*)\|$", PAGE, re.MULTILINE)
    units = {"s": "seconds", "min": "minutes", "h": "hours"}
    said = [timedelta(**{units[unit]: int(number)}) for number, unit in re.findall(r"(\d+) (\w+)", line)]
    assert tuple(said) == BACKOFF


def test_the_numbers_in_the_docs_are_those_of_the_code() -> None:
    numbers = {10: "ten", 11: "eleven", 8: "eight", 4: "four"}
    assert f"A tenant may have {MAX_ENDPOINTS} endpoints." in PAGE
    assert f"An attempt has {post_signed.TOTAL_SECONDS:.0f} seconds for everything" in WORDS
    assert f"Respond with 2xx within {post_signed.TOTAL_SECONDS:.0f} seconds" in PAGE
    assert f"{post_signed.MAX_RESPONSE_BYTES >> 10} KiB" in PAGE
    assert f"{numbers[len(BACKOFF) + 1]} attempts in three days" in PAGE
    assert (
        f"{numbers[MAX_PARALLEL]} in parallel and no more than {numbers[MAX_PARALLEL_PER_TENANT]} of one tenant"
        in WORDS
    )
    assert all(f"`{event}`" in PAGE for event in get_args(EventType))
