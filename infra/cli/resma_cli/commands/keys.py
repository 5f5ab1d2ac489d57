"""`resma key`: the tenant's API keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from resma_cli.api_client import Json, path_of
from resma_cli.confirm import Yes, confirm
from resma_cli.dates import show_timestamp
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import Column, draw_table
from resma_cli.shared_options import Setting, examples, with_groups

app = typer.Typer(no_args_is_help=True, help="Manage the tenant's API keys.")

_COLUMNS = (
    "ID",
    Column("NAME", is_flexible=True),
    "STATUS",
    Column("SCOPES", is_flexible=True),
    "EXPIRES",
    Column("LAST USED", from_width=120),
)

KeyId = Annotated[str, typer.Argument(metavar="ID", help="Id of the key. `resma key list` shows it.")]
Into = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the key into this new file, which only you can read."),
]


@app.command("list", epilog=examples("resma key list"))
@with_groups
def list_keys(setting: Setting) -> None:
    """List keys, inactive ones too, without their secrets."""
    items: list[Json] = setting.api.get("/api/v1/api-keys")["items"]
    setting.output.show({"items": items}, lambda console: _draw(console, items))


@app.command(
    "create", epilog=examples("resma key create month-end --scope reports:read --scope reports:write --output key.txt")
)
@with_groups
def create_key(
    setting: Setting,
    name: Annotated[str, typer.Argument(help="Name that says what the key is for.")],
    scopes: Annotated[list[str], typer.Option("--scope", help="Grant this scope. Repeat for more.")],
    days: Annotated[int, typer.Option(min=1, help="Days until the key expires.")] = 90,
    into: Into = None,
) -> None:
    """Create a key. It is shown only once."""
    _require_new(into)
    made: Json = setting.api.post("/api/v1/api-keys", {"name": name, "scopes": scopes, "expiresInDays": days})
    _hand_over(setting, made, into)


@app.command("rotate", epilog=examples("resma key rotate 3JHx0Q --grace-seconds 3600 --output key.txt"))
@with_groups
def rotate_key(
    setting: Setting,
    key_id: KeyId,
    grace: Annotated[
        int, typer.Option("--grace-seconds", min=0, help="Seconds for which the old key stays valid.")
    ] = 86_400,
    into: Into = None,
) -> None:
    """Create the replacement of a key."""
    _require_new(into)
    made: Json = setting.api.post(path_of("api-keys", key_id, "rotate"), {"graceSeconds": grace})
    _hand_over(setting, made, into)


@app.command("revoke", epilog=examples("resma key revoke 3JHx0Q", "resma key revoke 3JHx0Q --yes"))
@with_groups
def revoke_key(setting: Setting, key_id: KeyId, yes: Yes = False) -> None:
    """Revoke a key at once."""
    confirm(f"Revoke key {key_id}? Programs that use it are refused from now on.", yes=yes)
    setting.api.delete(path_of("api-keys", key_id))
    setting.output.show({"id": key_id, "status": "REVOKED"}, lambda console: console.print(f"Revoked key {key_id}."))


def _draw(console: Console, items: list[Json]) -> None:
    rows = [
        (
            i["id"],
            i["name"],
            i["status"],
            " ".join(i["scopes"]),
            show_timestamp(i["expiresAt"]),
            show_timestamp(i["lastUsedAt"]) or "never",
        )
        for i in items
    ]
    draw_table(console, _COLUMNS, rows)


def _require_new(into: Path | None) -> None:
    """Raises CommandFailedError before a key is created that could then not be saved."""
    if into is not None and (into.exists() or not into.parent.is_dir()):
        raise CommandFailedError(ExitCode.USAGE, f"{into} exists already, or its folder does not. Choose a new file.")


def _hand_over(setting: Setting, made: Json, into: Path | None) -> None:
    """Shows the key, or keeps it from screens and scrollback in a file of mode 0600."""
    if into is None:
        setting.output.show(made, lambda console: console.print(made["key"]))
        setting.output.note(f"This is key {made['id']}. It is shown only once.")
        return
    with os.fdopen(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(made["key"] + "\n")
    shown = {name: value for name, value in made.items() if name != "key"} | {"path": str(into)}
    setting.output.show(shown, lambda console: console.print(f"Key {made['id']} is in {into}."))
