"""`resma destination`: where files of reports are delivered, and the deliveries."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from resma_cli.api_client import Json, path_of
from resma_cli.completion import one_of
from resma_cli.confirm import Yes, confirm
from resma_cli.dates import show_timestamp
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.ids import find_certificate_id, find_destination_id, find_report_id
from resma_cli.output import TableColumn, draw_pairs, draw_table
from resma_cli.rendering import display_ids
from resma_cli.shared_options import ApiOptions, Limit, examples, with_groups

app = typer.Typer(no_args_is_help=True, help="Manage where files of reports are delivered.")

_ALL = "/api/v1/destinations"
DestinationId = Annotated[str, typer.Argument(metavar="ID", help="Id of the destination, or its first characters.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--setting", metavar="NAME=VALUE", help="Setting of the kind, such as bucket=partner. Repeat for more."
    ),
]
Certificates = Annotated[
    list[str] | None,
    typer.Option(
        "--encrypt-for",
        metavar="ID",
        help="Encrypt reports for this destination by OpenPGP, for the owner of this certificate. Repeat for more.",
    ),
]


@app.command("list", epilog=examples("resma destination list"))
@with_groups
def list_destinations(api_options: ApiOptions) -> None:
    """List destinations, and whether they work."""
    items: list[Json] = api_options.api.get(_ALL)["items"]
    api_options.output.show({"items": items}, lambda console: _draw_destinations(console, items))


@app.command(
    "create",
    epilog=examples(
        'resma destination create "Partner\'s bucket" --kind S3 --setting bucket=partner-reports',
        'resma destination create "Partner\'s server" --kind SFTP --setting host=sftp.example.com --setting user=bank'
        " --setting secretName=partner --setting hostKeys=SHA256:uNiVztksCsDhcc0u9e8BrW8hHdG6Q4pS7vEfXb2yPaU",
        "resma destination create Treasury --kind EMAIL --setting recipients=treasury@example.com",
    ),
)
@with_groups
def create_destination(
    api_options: ApiOptions,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the destination.")],
    kind: Annotated[
        str,
        typer.Option(
            "--kind", help="Kind of the destination: S3, SFTP or EMAIL.", autocompletion=one_of("S3", "SFTP", "EMAIL")
        ),
    ] = "S3",
    settings: Settings = None,
    certificates: Certificates = None,
) -> None:
    """Create a destination. Nothing is sent there before a test or a report."""
    body: Json = {"name": name, "kind": kind.upper(), "settings": _parse(settings)}
    body |= {"encryptFor": _find_certificates(api_options, certificates)} if certificates else {}
    made: Json = api_options.api.post(_ALL, body)
    pairs = [("id", made["id"]), ("url", made["url"]), ("external id", made["externalId"])]
    api_options.output.show(made, lambda console: draw_pairs(console, pairs))


@app.command(
    "update",
    epilog=examples(
        "resma destination update dst_0f9e2d4c --disable",
        "resma destination update dst_0f9e2d4c --encrypt-for crt_0f9e2d4c",
    ),
)
@with_groups
def update_destination(  # noqa: PLR0913, PLR0917  # its options
    api_options: ApiOptions,
    destination_id: DestinationId,
    name: Annotated[str | None, typer.Option("--name", help="New name.")] = None,
    settings: Settings = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether files are delivered.")] = None,
    certificates: Annotated[
        list[str] | None,
        typer.Option(
            "--encrypt-for",
            metavar="ID",
            help="Encrypt reports for this destination for the owner of this certificate instead of the present ones. "
            "Repeat for more; `none` removes all.",
        ),
    ] = None,
) -> None:
    """Change a destination. All its settings are replaced if there is a `--setting`, and so are its certificates."""
    destination_id = find_destination_id(api_options.api, destination_id)
    values = {"name": name, "settings": _parse(settings) if settings else None, "enabled": enabled}
    changes: Json = {key: value for key, value in values.items() if value is not None}
    if certificates:
        changes["encryptFor"] = None if certificates == ["none"] else _find_certificates(api_options, certificates)
    if not changes:
        raise CommandFailedError(
            ExitCode.USAGE,
            "Name what to change: `--name`, `--setting`, `--encrypt-for`, `--enable` or `--disable`.",
        )
    changed: Json = api_options.api.patch(path_of("destinations", destination_id), changes)
    api_options.output.show(changed, lambda console: _draw_destinations(console, [changed]))


@app.command("delete", epilog=examples("resma destination delete dst_0f9e2d4c --yes"))
@with_groups
def delete_destination(api_options: ApiOptions, destination_id: DestinationId, yes: Yes = False) -> None:
    """Delete a destination, and end its pending deliveries."""
    destination_id = find_destination_id(api_options.api, destination_id)
    confirm(f"Delete destination {destination_id}?", yes=yes)
    api_options.api.delete(path_of("destinations", destination_id))
    document = {"id": destination_id, "status": "deleted"}
    api_options.output.show(document, lambda console: console.print(f"Deleted destination {destination_id}."))


@app.command("test", epilog=examples("resma destination test dst_0f9e2d4c"))
@with_groups
def test_destination(api_options: ApiOptions, destination_id: DestinationId) -> None:
    """Deliver a test file. `resma destination deliveries` shows whether it has arrived."""
    destination_id = find_destination_id(api_options.api, destination_id)
    delivery: Json = api_options.api.post(path_of("destinations", destination_id, "test"))
    api_options.output.show(delivery, lambda console: _draw_deliveries(console, [delivery]))


@app.command(
    "deliveries",
    epilog=examples(
        "resma destination deliveries --destination dst_0f9e2d4c --status FAILED",
        "resma destination deliveries --report 840edab4",
    ),
)
@with_groups
def list_deliveries(
    api_options: ApiOptions,
    destination: Annotated[str | None, typer.Option(metavar="ID", help="List deliveries to this destination.")] = None,
    report: Annotated[str | None, typer.Option(metavar="ID", help="List deliveries of this report.")] = None,
    status: Annotated[
        str | None,
        typer.Option(
            autocompletion=one_of("PENDING", "DELIVERED", "FAILED"),
            help="List deliveries of this status: PENDING, DELIVERED or FAILED.",
        ),
    ] = None,
    limit: Limit = 20,
) -> None:
    """List deliveries to a destination or of a report, and the results of their last attempts."""
    status = status and status.upper()
    if (destination is None) == (report is None):
        raise CommandFailedError(ExitCode.USAGE, "Either `--destination ID` or `--report ID` is required.")
    if report is not None:
        where = path_of("reports", find_report_id(api_options.api, report)) + "/file-deliveries"
        found: list[Json] = api_options.api.get(where)["items"]
        items, following = [item for item in found if status in {None, item["status"]}][:limit], None
    else:
        where = path_of("destinations", find_destination_id(api_options.api, destination or "")) + "/deliveries"
        items, following = api_options.api.pages(where, {"status": status}, limit)
    api_options.output.show({"items": items, "next": following}, lambda console: _draw_deliveries(console, items))


@app.command("replay", epilog=examples("resma destination replay dlv_840edab4930d475eb6a2bb69c18a6792"))
@with_groups
def replay(
    api_options: ApiOptions,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY", help="Id of the delivery.")],
) -> None:
    """Deliver files again under the same names. Files that still exist there are not sent again."""
    delivery: Json = api_options.api.post(path_of("file-deliveries", delivery_id, "replay"))
    api_options.output.show(delivery, lambda console: _draw_deliveries(console, [delivery]))


@app.command("suppressed", epilog=examples("resma destination suppressed"))
@with_groups
def list_suppressed(api_options: ApiOptions, limit: Limit = 20) -> None:
    """List addresses to which no e-mail is sent any more, because a message has bounced or its recipient complained."""
    items, following = api_options.api.pages("/api/v1/suppressed-addresses", {}, limit)
    rows = [
        (item["address"], item["reason"], show_timestamp(item["suppressedAt"]), item["detail"] or "") for item in items
    ]
    columns = (TableColumn("ADDRESS", is_flexible=True), "REASON", "SINCE", TableColumn("DETAIL", is_flexible=True))
    api_options.output.show({"items": items, "next": following}, lambda console: draw_table(console, columns, rows))


@app.command("unsuppress", epilog=examples("resma destination unsuppress treasury@example.com"))
@with_groups
def remove_suppressed(
    api_options: ApiOptions, address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Address to remove.")]
) -> None:
    """Let e-mail be sent to an address again."""
    api_options.api.delete("/api/v1/suppressed-addresses", {"address": address})
    document = {"address": address, "status": "removed"}
    api_options.output.show(document, lambda console: console.print(f"E-mail is sent to {address} again."))


def _find_certificates(api_options: ApiOptions, certificates: list[str]) -> list[str]:
    """Returns the complete ids of certificates. Raises CommandFailedError."""
    return [find_certificate_id(api_options.api, each) for each in certificates]


_LISTS, _NUMBERS, _SWITCHES = frozenset({"hostKeys", "recipients"}), frozenset({"port"}), frozenset({"attach"})
"""Names of settings that are lists, which can be repeated, numbers, and true or false."""


def _parse(settings: list[str] | None) -> dict[str, str | int | bool | list[str]]:
    """Returns settings by name. Raises CommandFailedError for one without `=`, or with a value of another type."""
    parsed: dict[str, str | int | bool | list[str]] = {}
    for setting in settings or ():
        name, has_value, value = setting.partition("=")
        if not (name and has_value):
            raise CommandFailedError(ExitCode.USAGE, f"`{setting}` is not a setting. Use the form NAME=VALUE.")
        if name in _NUMBERS and not value.isdecimal():
            raise CommandFailedError(ExitCode.USAGE, f"The setting `{name}` must be a number.")
        if name in _SWITCHES and value not in {"true", "false"}:
            raise CommandFailedError(ExitCode.USAGE, f"The setting `{name}` must be true or false.")
        if name in _LISTS:
            parsed[name] = [*(parsed.get(name) or ()), value]  # type: ignore[misc]
        else:
            parsed[name] = int(value) if name in _NUMBERS else value == "true" if name in _SWITCHES else value
    return parsed


def _draw_destinations(console: Console, items: list[Json]) -> None:
    ids = display_ids(console, [item["id"] for item in items])
    rows = [
        (id_, item["name"], item["kind"], item["url"], _certificates_of(console, item), _state(item))
        for id_, item in zip(ids, items, strict=True)
    ]
    columns = (
        "ID",
        TableColumn("NAME", is_flexible=True),
        "KIND",
        TableColumn("URL", is_flexible=True),
        TableColumn("ENCRYPTED FOR", is_flexible=True),
        "STATE",
    )
    draw_table(console, columns, rows)


def _certificates_of(console: Console, destination: Json) -> str:
    return ", ".join(display_ids(console, destination["encryptFor"] or []))


def _state(destination: Json) -> str:
    if not destination["enabled"]:
        return "disabled"
    return f"failing ({destination['lastAttempt']['errorCode']})" if destination["failing"] else "enabled"


def _draw_deliveries(console: Console, items: list[Json]) -> None:
    rows = []
    for item in items:
        last = (item["attempts"] or [{}])[-1]
        result = item["endedReason"] or last.get("errorCode") or ""
        rows.append((item["id"], item["destinationName"] or "", item["status"], item["filesDelivered"], result))
    columns = (
        "DELIVERY ID",
        TableColumn("DESTINATION", is_flexible=True),
        "STATUS",
        TableColumn("FILES", is_number=True),
        TableColumn("LAST ERROR", is_flexible=True),
    )
    draw_table(console, columns, rows)
    for item in items:
        if item["nextAttemptAt"] and console.is_terminal:
            console.print(f"next attempt of {item['id']}: {show_timestamp(item['nextAttemptAt'])}", style="dim")
