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
from resma_cli.output import TableColumn, draw_table
from resma_cli.shared_options import ApiOptions, examples, with_groups

app = typer.Typer(no_args_is_help=True, help="Manage the tenant's API keys.")

_COLUMNS = (
    "ID",
    TableColumn("NAME", is_flexible=True),
    "STATUS",
    TableColumn("SCOPES", is_flexible=True),
    "EXPIRES",
    TableColumn("LAST USED", min_terminal_width=120),
)

KeyId = Annotated[str, typer.Argument(metavar="ID", help="Id of the key. `resma key list` shows it.")]
Into = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the key into this new file, which only you can read."),
]


@app.command("list", epilog=examples("resma key list"))
@with_groups
def list_keys(api_options: ApiOptions) -> None:
    """List keys, inactive ones too, without their secrets."""
    items: list[Json] = api_options.api.get("/api/v1/api-keys")["items"]
    api_options.output.show({"items": items}, lambda console: _draw(console, items))


@app.command(
    "create", epilog=examples("resma key create month-end --scope reports:read --scope reports:write --output key.txt")
)
@with_groups
def create_key(
    api_options: ApiOptions,
    name: Annotated[str, typer.Argument(help="Name that says what the key is for.")],
    scopes: Annotated[list[str], typer.Option("--scope", help="Grant this scope. Repeat for more.")],
    days: Annotated[int, typer.Option(min=1, help="Days until the key expires.")] = 90,
    into: Into = None,
) -> None:
    """Create a key. It is shown only once."""
    _require_new_file(into)
    made: Json = api_options.api.post("/api/v1/api-keys", {"name": name, "scopes": scopes, "expiresInDays": days})
    _show_or_save(api_options, made, into)


@app.command("rotate", epilog=examples("resma key rotate 3JHx0Q --grace-seconds 3600 --output key.txt"))
@with_groups
def rotate_key(
    api_options: ApiOptions,
    key_id: KeyId,
    grace: Annotated[
        int, typer.Option("--grace-seconds", min=0, help="Seconds for which the old key stays valid.")
    ] = 86_400,
    into: Into = None,
) -> None:
    """Create the replacement of a key."""
    _require_new_file(into)
    made: Json = api_options.api.post(path_of("api-keys", key_id, "rotate"), {"graceSeconds": grace})
    _show_or_save(api_options, made, into)


@app.command("revoke", epilog=examples("resma key revoke 3JHx0Q", "resma key revoke 3JHx0Q --yes"))
@with_groups
def revoke_key(api_options: ApiOptions, key_id: KeyId, yes: Yes = False) -> None:
    """Revoke a key at once."""
    confirm(f"Revoke key {key_id}? Requests with it will be rejected.", yes=yes)
    api_options.api.delete(path_of("api-keys", key_id))
    api_options.output.show(
        {"id": key_id, "status": "REVOKED"}, lambda console: console.print(f"Revoked key {key_id}.")
    )


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


def _require_new_file(into: Path | None) -> None:
    """Raises CommandFailedError before a key is created that could then not be saved."""
    if into is not None and (into.exists() or not into.parent.is_dir()):
        raise CommandFailedError(
            ExitCode.USAGE, f"{into} already exists, or its folder does not exist. Choose a new file."
        )


def _show_or_save(api_options: ApiOptions, made: Json, into: Path | None) -> None:
    """Prints the key, or writes it into a new file of mode 0600, so that it is not shown on a terminal."""
    if into is None:
        api_options.output.show(made, lambda console: console.print(made["key"]))
        api_options.output.print_message(f"This is key {made['id']}. It is shown only once.")
        return
    with os.fdopen(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(made["key"] + "\n")
    document = {name: value for name, value in made.items() if name != "key"} | {"path": str(into)}
    api_options.output.show(document, lambda console: console.print(f"Key {made['id']} is in {into}."))
