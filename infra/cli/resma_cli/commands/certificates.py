"""`resma certificate`: the OpenPGP certificates that files are encrypted for."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from resma_cli.api_client import Json, path_of
from resma_cli.confirm import Yes, confirm
from resma_cli.dates import show_timestamp
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.ids import find_certificate_id
from resma_cli.output import TableColumn, draw_pairs, draw_table
from resma_cli.rendering import display_ids
from resma_cli.shared_options import ApiOptions, examples, with_groups

app = typer.Typer(no_args_is_help=True, help="Manage the OpenPGP certificates that files are encrypted for.")

_ALL = "/api/v1/certificates"


@app.command("list", epilog=examples("resma certificate list"))
@with_groups
def list_certificates(api_options: ApiOptions) -> None:
    """List certificates, and when they expire."""
    items: list[Json] = api_options.api.get(_ALL)["items"]
    api_options.output.show({"items": items}, lambda console: _draw(console, items))


@app.command("add", epilog=examples('resma certificate add "Bank of the North" bank.asc'))
@with_groups
def add_certificate(
    api_options: ApiOptions,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the certificate: its receiver.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File that `gpg --export` or `gpg --armor --export` wrote.")
    ],
) -> None:
    """Add the certificate (public key) of a receiver. Compare the fingerprint with the one that its owner tells you."""
    body = {"name": name, "certificate": _read(file)}
    added: Json = api_options.api.post(_ALL, body)
    pairs = [
        ("id", added["id"]),
        ("fingerprint", added["fingerprint"]),
        ("user ids", ", ".join(added["userIds"])),
        ("expires", _expiry(added)),
    ]
    api_options.output.show(added, lambda console: draw_pairs(console, pairs))


@app.command("delete", epilog=examples("resma certificate delete crt_0f9e2d4c --yes"))
@with_groups
def delete_certificate(
    api_options: ApiOptions,
    certificate_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the certificate, or its start.")],
    yes: Yes = False,
) -> None:
    """Delete a certificate. Files that exist stay encrypted for it."""
    certificate_id = find_certificate_id(api_options.api, certificate_id)
    confirm(f"Delete certificate {certificate_id}?", yes=yes)
    api_options.api.delete(path_of("certificates", certificate_id))
    document = {"id": certificate_id, "status": "deleted"}
    api_options.output.show(document, lambda console: console.print(f"Deleted certificate {certificate_id}."))


def _read(file: Path) -> str:
    """Returns a certificate with ASCII armor as it is, and a binary one in Base64."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandFailedError(ExitCode.USAGE, f"{file} cannot be read: {error.strerror}.") from error
    if content.lstrip().startswith(b"-----BEGIN"):
        return content.decode(errors="replace")
    return b64encode(content).decode()


def _expiry(item: Json) -> str:
    return "never" if item["expiresAt"] is None else show_timestamp(item["expiresAt"])


def _draw(console: Console, items: list[Json]) -> None:
    ids = display_ids(console, [item["id"] for item in items])
    rows = [
        (id_, item["name"], item["fingerprint"], item["status"], _expiry(item))
        for id_, item in zip(ids, items, strict=True)
    ]
    columns = ("ID", TableColumn("NAME", is_flexible=True), "FINGERPRINT", "STATUS", "EXPIRES")
    draw_table(console, columns, rows)
