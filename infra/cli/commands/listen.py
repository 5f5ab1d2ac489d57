"""`resma webhook listen`: receives webhooks on this machine, verifies them, and prints what they say."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from infra.cli.api import Api, Json, path_of
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.groups import Setting, examples, with_groups
from infra.cli.output import Output, clean, print_json

if TYPE_CHECKING:
    from infra.cli.receiver import Arrival, Inbox

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
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of this machine's loopback; 0 takes a free one.")] = 0,
    register: Annotated[
        bool, typer.Option("--register", help="Be an endpoint of the stack on this machine, for as long as it listens.")
    ] = False,
    count: Annotated[int | None, typer.Option(min=1, help="End after as many.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after this time; 1 where none came.")] = None,
) -> None:
    """Receive webhooks, verify their signatures and print them, until Ctrl-C.

    Without --register it is a place for a request's --callback-url, with the secret that the API tells, or that
    RESMA_WEBHOOK_SECRET holds. With --json there is one JSON object a line, for it has no end.
    """
    from infra.cli.receiver import Inbox, receive  # noqa: PLC0415  # its library is slow to load

    inbox = Inbox()
    with receive(inbox, port) as address, _trusted(setting, inbox, address, register=register) as what:
        setting.output.note(f"listening at {address} for {what}; Ctrl-C ends it")
        try:
            taken = _print_all(setting.output, inbox, count, seconds)
        except KeyboardInterrupt:
            return
    if count is not None and taken < count:
        raise CommandFailed(ExitCode.FAILED, f"{taken} of {count} webhooks came within {seconds:g} s")


@contextmanager
def _trusted(setting: Setting, inbox: Inbox, address: str, *, register: bool) -> Iterator[str]:
    """Lets the inbox know the secret; as an endpoint, registered before and deleted after."""
    if not register:
        inbox.trust(*_secrets_of_callbacks(setting))
        yield "callbacks of requests (--callback-url)"
        return
    if not setting.place.is_loopback:
        detail = "--register is for the stack on this machine: no other reaches an address of your loopback"
        raise CommandFailed(ExitCode.USAGE, detail)
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
    except CommandFailed as error:
        output.note(f"the endpoint {endpoint_id} is still there ({error}): `resma webhook delete {endpoint_id}`")


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
    from infra.cli.receiver import describe  # noqa: PLC0415

    if output.as_json:
        print_json(describe(arrival), indent=None)
        return
    if arrival.message is None:
        output.console.print(Text.assemble(("refused ", "red"), clean(f"{arrival.webhook_id}: {arrival.refused}")))
        return
    data = arrival.message.get("data") or {}
    rows = f", {data['rows']:,} rows" if data.get("rows") is not None else ""
    said = f"{arrival.message.get('type')} {data.get('reportId')}: {data.get('status')}{rows}"
    again = " (again)" if arrival.is_repeated else ""
    output.console.print(Text.assemble(("verified ", "green"), clean(f"{arrival.webhook_id} {said}{again}")))
