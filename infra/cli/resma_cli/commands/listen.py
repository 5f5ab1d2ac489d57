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
from resma_cli.shared_options import Setting, examples, with_groups

if TYPE_CHECKING:
    from resma_cli.webhook_receiver import Arrival, Inbox

app = typer.Typer()

SECRET_VARIABLE = "RESMA_WEBHOOK_SECRET"  # noqa: S105  # its name, not it


@app.command(
    "listen",
    epilog=examples(
        "resma webhook listen --register", "resma webhook listen --port 8080", "resma webhook listen --count 1 --json"
    ),
)
@with_groups
def listen(
    setting: Setting,
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

    Without --register its URL is for a request's --callback-url, and the secret comes from the API or from
    RESMA_WEBHOOK_SECRET. With --json it prints one JSON object per line.
    """
    from resma_cli.webhook_receiver import Inbox, receive  # noqa: PLC0415  # its library is slow to load

    inbox = Inbox()
    with receive(inbox, port) as address, _trusted(setting, inbox, address, register=register) as what:
        setting.output.note(f"listening at {address} for {what}; press Ctrl-C to stop")
        try:
            taken = _print_all(setting.output, inbox, count, seconds)
        except KeyboardInterrupt:
            return
    if count is not None and taken < count:
        raise CommandFailedError(
            ExitCode.FAILED, f"{taken} of {counted(count, 'webhook')} arrived within {seconds:g} s."
        )


@contextmanager
def _trusted(setting: Setting, inbox: Inbox, address: str, *, register: bool) -> Iterator[str]:
    """Lets the inbox know the secret; as an endpoint, registered before and deleted after."""
    if not register:
        inbox.trust(*_secrets_of_callbacks(setting))
        yield "callbacks of requests (--callback-url)"
        return
    if not setting.place.is_loopback:
        detail = "`--register` is for the stack on this machine: no other can reach a loopback URL."
        raise CommandFailedError(ExitCode.USAGE, detail)
    made: Json = setting.api.post("/api/v1/webhook-endpoints", {"url": address})
    try:
        inbox.trust(made["secret"])
        yield f"all events, as endpoint {made['id']}"
    finally:
        _delete(setting.api, setting.output, made["id"])


def _secrets_of_callbacks(setting: Setting) -> list[str]:
    if secret := os.environ.get(SECRET_VARIABLE):
        return [secret.strip()]
    shown: Json = setting.api.get(path_of("webhook-endpoints", "callback", "secret"))
    return [secret for secret in (shown["secret"], shown["previousSecret"]) if secret]


def _delete(api: Api, output: Output, endpoint_id: str) -> None:
    try:
        api.delete(path_of("webhook-endpoints", endpoint_id))
    except CommandFailedError as error:
        output.note(f"The endpoint {endpoint_id} still exists ({error}). Run `resma webhook delete {endpoint_id}`.")


def _print_all(output: Output, inbox: Inbox, count: int | None, seconds: float | None) -> int:
    """Prints arrivals as they come; returns how many were verified."""
    taken, deadline = 0, None if seconds is None else time.monotonic() + seconds
    while (count is None or taken < count) and (deadline is None or time.monotonic() < deadline):
        try:
            arrival = inbox.arrivals.get(timeout=0.2)
        except queue.Empty:
            continue
        taken += arrival.message is not None
        _print(output, arrival)
    return taken


def _print(output: Output, arrival: Arrival) -> None:
    from resma_cli.webhook_receiver import describe  # noqa: PLC0415

    if output.as_json:
        print_json(describe(arrival), indent=None)
        return
    if arrival.message is None:
        output.console.print(Text.assemble(("refused ", "red"), clean(f"{arrival.webhook_id}: {arrival.refused}")))
        return
    data = arrival.message.get("data") or {}
    rows = f", {counted(data['rows'], 'row')}" if data.get("rows") is not None else ""
    said = f"{arrival.message.get('type')} {data.get('reportId')}: {data.get('status')}{rows}"
    again = " (again)" if arrival.is_repeated else ""
    output.console.print(Text.assemble(("verified ", "green"), clean(f"{arrival.webhook_id} {said}{again}")))
