"""`resma webhook`: webhook endpoints, deliveries and their replay."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from resma_cli.api_client import Json, path_of
from resma_cli.completion import one_of
from resma_cli.confirm import Yes, confirm
from resma_cli.dates import show_timestamp
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.ids import find_endpoint_id, find_report_id
from resma_cli.output import TableColumn, draw_pairs, draw_table
from resma_cli.rendering import display_ids
from resma_cli.shared_options import ApiOptions, Limit, examples, with_groups

app = typer.Typer(no_args_is_help=True, help="Manage webhook endpoints, and receive webhooks to try them.")

_ALL = "/api/v1/webhook-endpoints"
EndpointId = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the endpoint, or its first characters, or `callback`.")
]


@app.command("list", epilog=examples("resma webhook list"))
@with_groups
def list_endpoints(api_options: ApiOptions) -> None:
    """List endpoints, first the endpoint of callbacks."""
    items: list[Json] = api_options.api.get(_ALL)["items"]

    def draw(console: Console) -> None:
        ids = display_ids(console, [i["id"] for i in items])
        rows = [
            (id_, i["url"] or "(URL of each request)", _state(i), ",".join(i["events"] or ["all"]))
            for id_, i in zip(ids, items, strict=True)
        ]
        draw_table(
            console,
            ("ID", TableColumn("URL", is_flexible=True), "STATE", TableColumn("EVENTS", is_flexible=True)),
            rows,
        )

    api_options.output.show({"items": items}, draw)


@app.command("create", epilog=examples("resma webhook create https://hooks.example.com/resma --event report.ready"))
@with_groups
def create_endpoint(
    api_options: ApiOptions,
    url: Annotated[str, typer.Argument(metavar="URL", help="Public https URL that webhooks are sent to.")],
    events: Annotated[
        list[str] | None, typer.Option("--event", help="Send events of this type only. Repeat for more.")
    ] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Send events of this report type only. Repeat for more.")
    ] = None,
) -> None:
    """Register an endpoint, and show its secret."""
    made: Json = api_options.api.post(_ALL, {"url": url, "events": events or None, "reportTypes": types or None})
    pairs = [("id", made["id"]), ("url", made["url"]), ("secret", made["secret"])]
    api_options.output.show(made, lambda console: draw_pairs(console, pairs))


@app.command("delete", epilog=examples("resma webhook delete whe_0f9e2d4c", "resma webhook delete whe_0f9e2d4c --yes"))
@with_groups
def delete_endpoint(api_options: ApiOptions, endpoint_id: EndpointId, yes: Yes = False) -> None:
    """Delete an endpoint. Webhooks that wait for another attempt are not sent."""
    endpoint_id = find_endpoint_id(api_options.api, endpoint_id)
    confirm(f"Delete webhook endpoint {endpoint_id}?", yes=yes)
    api_options.api.delete(path_of("webhook-endpoints", endpoint_id))
    document = {"id": endpoint_id, "status": "deleted"}
    api_options.output.show(document, lambda console: console.print(f"Deleted endpoint {endpoint_id}."))


@app.command(
    "deliveries",
    epilog=examples(
        "resma webhook deliveries --endpoint callback --status FAILED",
        "resma webhook deliveries --report 840edab4",
    ),
)
@with_groups
def list_deliveries(
    api_options: ApiOptions,
    endpoint: Annotated[str | None, typer.Option(metavar="ID", help="List deliveries to this endpoint.")] = None,
    report: Annotated[str | None, typer.Option(metavar="ID", help="List deliveries about this report.")] = None,
    status: Annotated[
        str | None,
        typer.Option(
            autocompletion=one_of("PENDING", "DELIVERED", "FAILED"),
            help="List deliveries of this status: PENDING, DELIVERED or FAILED.",
        ),
    ] = None,
    limit: Limit = 20,
) -> None:
    """List deliveries to an endpoint or about a report, and their last responses."""
    status = status and status.upper()
    if (endpoint is None) == (report is None):
        raise CommandFailedError(ExitCode.USAGE, "Either `--endpoint ID` or `--report ID` is required.")
    if report is not None:
        found: list[Json] = api_options.api.get(
            path_of("reports", find_report_id(api_options.api, report)) + "/deliveries"
        )["items"]
        items, following = [i for i in found if status in {None, i["status"]}][:limit], None
    else:
        where = path_of("webhook-endpoints", find_endpoint_id(api_options.api, endpoint or "")) + "/deliveries"
        items, following = api_options.api.pages(where, {"status": status}, limit)
    api_options.output.show({"items": items, "next": following}, lambda console: _draw_deliveries(console, items))


@app.command("replay", epilog=examples("resma webhook replay evt_840edab4930d475eb6a2bb69c18a6792 callback"))
@with_groups
def replay(
    api_options: ApiOptions,
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="Id of the event.")],
    endpoint_id: EndpointId,
) -> None:
    """Send a webhook again, within a minute."""
    endpoint_id = find_endpoint_id(api_options.api, endpoint_id)
    delivery: Json = api_options.api.post(path_of("webhook-deliveries", event_id, endpoint_id, "replay"))
    api_options.output.show(delivery, lambda console: _draw_deliveries(console, [delivery]))


_DELIVERY_COLUMNS = (
    "EVENT ID",
    TableColumn("ENDPOINT", is_flexible=True),
    TableColumn("EVENT", is_flexible=True),
    "STATUS",
    TableColumn("ATTEMPTS", is_number=True, min_terminal_width=100),
    TableColumn("LAST RESPONSE", is_flexible=True),
)


def _state(endpoint: Json) -> str:
    return "enabled" if endpoint["enabled"] else f"disabled ({endpoint['disabledReason']})"


def _draw_deliveries(console: Console, items: list[Json]) -> None:
    rows = []
    for item in items:
        last = (item["attempts"] or [{}])[-1]
        response = last.get("statusCode") or last.get("error") or ""
        rows.append(
            (item["eventId"], item["endpointId"], item["event"], item["status"], len(item["attempts"]), response)
        )
    draw_table(console, _DELIVERY_COLUMNS, rows)
    for item in items:
        if item["nextAttemptAt"] and console.is_terminal:
            console.print(f"next attempt of {item['eventId']}: {show_timestamp(item['nextAttemptAt'])}", style="dim")
