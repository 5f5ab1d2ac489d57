"""`resma webhook listen`: receives webhooks on this machine, verifies and prints them."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resma_cli.amounts import count as counted
from resma_cli.api_client import Api, Json, path_of
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import Output, clean, print_json
from resma_cli.shared_options import ApiOptions, examples, with_groups

if TYPE_CHECKING:
    from resma_cli.webhook_receiver import ReceivedWebhook, WebhookInbox

app = typer.Typer()

SECRET_VARIABLE = "RESMA_WEBHOOK_SECRET"  # noqa: S105  # the name of the variable, not a secret


@app.command(
    "listen",
    epilog=examples(
        "resma webhook listen --register", "resma webhook listen --port 8080", "resma webhook listen --count 1 --json"
    ),
)
@with_groups
def listen(
    api_options: ApiOptions,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Listen on this port of the loopback interface. 0 chooses a free one.")
    ] = 0,
    register: Annotated[
        bool, typer.Option("--register", help="Register as an endpoint of the stack on this machine while listening.")
    ] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after this many verified webhooks.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop after this many seconds. Exit with 1 if --count was not reached.")
    ] = None,
) -> None:
    """Receive webhooks, verify their signatures and print them, until Ctrl-C.

    Without --register, use the printed URL as the --callback-url of a request. The secret comes from the API or from
    RESMA_WEBHOOK_SECRET. With --json, each webhook is printed as a JSON object on one line.
    """
    from resma_cli.webhook_receiver import WebhookInbox, receive  # noqa: PLC0415  # its library is slow to load

    inbox = WebhookInbox()
    with receive(inbox, port) as url, _trusted(api_options, inbox, url, register=register) as events:
        api_options.output.print_message(f"Listening at {url} for {events}. Press Ctrl-C to stop.")
        try:
            verified = _print_all(api_options.output, inbox, count, seconds)
        except KeyboardInterrupt:
            return
    if count is not None and verified < count:
        raise CommandFailedError(
            ExitCode.FAILED, f"{verified} of {counted(count, 'webhook')} arrived within {seconds:g} s."
        )


@contextmanager
def _trusted(api_options: ApiOptions, inbox: WebhookInbox, url: str, *, register: bool) -> Iterator[str]:
    """Sets the secrets of the inbox. With `register`, an endpoint exists meanwhile. Yields which events are sent."""
    if not register:
        inbox.trust(*_secrets_of_callbacks(api_options))
        yield "callbacks of requests (--callback-url)"
        return
    if not api_options.api_config.is_loopback:
        detail = (
            "`--register` is only for the stack on this machine, because no other machine can reach a loopback URL."
        )
        raise CommandFailedError(ExitCode.USAGE, detail)
    made: Json = api_options.api.post("/api/v1/webhook-endpoints", {"url": url})
    try:
        inbox.trust(made["secret"])
        yield f"all events, as endpoint {made['id']}"
    finally:
        _delete(api_options.api, api_options.output, made["id"])


def _secrets_of_callbacks(api_options: ApiOptions) -> list[str]:
    if secret := os.environ.get(SECRET_VARIABLE):
        return [secret.strip()]
    secrets: Json = api_options.api.get(path_of("webhook-endpoints", "callback", "secret"))
    return [secret for secret in (secrets["secret"], secrets["previousSecret"]) if secret]


def _delete(api: Api, output: Output, endpoint_id: str) -> None:
    try:
        api.delete(path_of("webhook-endpoints", endpoint_id))
    except CommandFailedError as error:
        output.print_message(
            f"The endpoint {endpoint_id} still exists ({error}). Run `resma webhook delete {endpoint_id}`."
        )


def _print_all(output: Output, inbox: WebhookInbox, count: int | None, seconds: float | None) -> int:
    """Prints webhooks when they arrive. Returns the number of verified webhooks."""
    verified, deadline = 0, None if seconds is None else time.monotonic() + seconds
    while (count is None or verified < count) and (deadline is None or time.monotonic() < deadline):
        try:
            webhook = inbox.received.get(timeout=0.2)
        except queue.Empty:
            continue
        verified += webhook.message is not None
        _print(output, webhook)
    return verified


def _print(output: Output, webhook: ReceivedWebhook) -> None:
    from resma_cli.webhook_receiver import describe  # noqa: PLC0415

    if output.as_json:
        print_json(describe(webhook), indent=None)
        return
    if webhook.message is None:
        output.console.print(Text.assemble(("refused ", "red"), clean(f"{webhook.webhook_id}: {webhook.refused}")))
        return
    data = webhook.message.get("data") or {}
    rows = f", {counted(data['rows'], 'row')}" if data.get("rows") is not None else ""
    event = f"{webhook.message.get('type')} {data.get('reportId')}: {data.get('status')}{rows}"
    repeated = " (repeated)" if webhook.is_repeated else ""
    output.console.print(Text.assemble(("verified ", "green"), clean(f"{webhook.webhook_id} {event}{repeated}")))
