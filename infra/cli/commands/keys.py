"""`resma keys`: the tenant's API keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.cli.api import Json, path_of
from infra.cli.drawing import moment
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.groups import Setting, examples, with_groups
from infra.cli.output import draw_table

app = typer.Typer(no_args_is_help=True, help="The tenant's API keys.")

KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id: `resma keys list` shows it.")]
Into = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the key into this new file, for its owner alone."),
]


@app.command("list", epilog=examples("resma keys list"))
@with_groups
def list_keys(setting: Setting) -> None:
    """List keys, ended ones too, without their secrets."""
    items: list[Json] = setting.api.get("/api/v1/api-keys")["items"]
    setting.output.show({"items": items}, lambda console: _draw(console, items))


@app.command(
    "create", epilog=examples("resma keys create month-end --scope reports:read --scope reports:write --output key.txt")
)
@with_groups
def create_key(
    setting: Setting,
    name: Annotated[str, typer.Argument(help="What it is for, for people.")],
    scopes: Annotated[list[str], typer.Option("--scope", help="What it may do; again for more.")],
    days: Annotated[int, typer.Option(min=1, help="Until it expires.")] = 90,
    into: Into = None,
) -> None:
    """Make a key. It is shown this once."""
    _require_new(into)
    made: Json = setting.api.post("/api/v1/api-keys", {"name": name, "scopes": scopes, "expiresInDays": days})
    _hand_over(setting, made, into)


@app.command("rotate", epilog=examples("resma keys rotate 3JHx0Q --grace-seconds 3600 --output key.txt"))
@with_groups
def rotate_key(
    setting: Setting,
    key_id: KeyId,
    grace: Annotated[int, typer.Option("--grace-seconds", min=0, help="How long the old key goes on.")] = 86_400,
    into: Into = None,
) -> None:
    """Make the key that comes after another."""
    _require_new(into)
    made: Json = setting.api.post(path_of("api-keys", key_id, "rotate"), {"graceSeconds": grace})
    _hand_over(setting, made, into)


@app.command("revoke", epilog=examples("resma keys revoke 3JHx0Q"))
@with_groups
def revoke_key(setting: Setting, key_id: KeyId) -> None:
    """End a key at once."""
    setting.api.delete(path_of("api-keys", key_id))
    setting.output.show({"id": key_id, "status": "revoked"}, lambda console: console.print(f"key {key_id} is revoked"))


def _draw(console: Console, items: list[Json]) -> None:
    rows = [
        (
            i["id"],
            i["name"],
            i["status"],
            " ".join(i["scopes"]),
            moment(i["expiresAt"]),
            moment(i["lastUsedAt"]) or "never",
        )
        for i in items
    ]
    draw_table(console, ("ID", "NAME", "STATUS", "SCOPES", "EXPIRES", "LAST USED"), rows)


def _require_new(into: Path | None) -> None:
    """Before a key is made that would then be lost."""
    if into is not None and (into.exists() or not into.parent.is_dir()):
        raise CommandFailed(ExitCode.USAGE, f"{into} is there already, or its folder is not: name a new file")


def _hand_over(setting: Setting, made: Json, into: Path | None) -> None:
    """Shows the key, or keeps it from screens and scrollback in a file of mode 0600."""
    if into is None:
        setting.output.show(made, lambda console: console.print(made["key"]))
        setting.output.note(f"key {made['id']}, shown this once")
        return
    with os.fdopen(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(made["key"] + "\n")
    shown = {name: value for name, value in made.items() if name != "key"} | {"path": str(into)}
    setting.output.show(shown, lambda console: console.print(f"key {made['id']} is in {into}"))
