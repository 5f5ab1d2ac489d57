"""`resma webhook`: endpoints that are told of reports, what came of it, and sending it again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from infra.cli.api import Json, path_of
from infra.cli.drawing import moment
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.groups import Setting, examples, with_groups
from infra.cli.output import draw_pairs, draw_table

app = typer.Typer(no_args_is_help=True, help="Endpoints that are told of reports, and a receiver to try them.")

_ALL = "/api/v1/webhook-endpoints"
EndpointId = Annotated[str, typer.Argument(metavar="ID", help="The endpoint's id, or callback.")]


@app.command("list", epilog=examples("resma webhook list"))
@with_groups
def list_endpoints(setting: Setting) -> None:
    """List endpoints, that of callbacks first."""
    items: list[Json] = setting.api.get(_ALL)["items"]

    def draw(console: Console) -> None:
        rows = [(i["id"], i["url"] or "(each request's)", _state(i), ",".join(i["events"] or ["all"])) for i in items]
        draw_table(console, ("ID", "URL", "STATE", "EVENTS"), rows)

    setting.output.show({"items": items}, draw)


@app.command("create", epilog=examples("resma webhook create https://hooks.example.com/resma --event report.ready"))
@with_groups
def create_endpoint(
    setting: Setting,
    url: Annotated[str, typer.Argument(metavar="URL", help="A public https address.")],
    events: Annotated[list[str] | None, typer.Option("--event", help="Only these; again for more.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="Only reports of these types.")] = None,
) -> None:
    """Register an endpoint; shows its secret."""
    made: Json = setting.api.post(_ALL, {"url": url, "events": events or None, "reportTypes": types or None})
    pairs = [("id", made["id"]), ("url", made["url"]), ("secret", made["secret"])]
    setting.output.show(made, lambda console: draw_pairs(console, pairs))


@app.command("delete", epilog=examples("resma webhook delete whe_0f9e2d4c6b8a40c2a1e3f5d7b9c8e6a4"))
@with_groups
def delete_endpoint(setting: Setting, endpoint_id: EndpointId) -> None:
    """Delete an endpoint; what is owed to it ends."""
    setting.api.delete(path_of("webhook-endpoints", endpoint_id))
    document = {"id": endpoint_id, "status": "deleted"}
    setting.output.show(document, lambda console: console.print(f"endpoint {endpoint_id} is deleted"))


@app.command(
    "deliveries",
    epilog=examples(
        "resma webhook deliveries --endpoint callback --status FAILED",
        "resma webhook deliveries --report 840edab4-930d-475e-b6a2-bb69c18a6792",
    ),
)
@with_groups
def list_deliveries(
    setting: Setting,
    endpoint: Annotated[str | None, typer.Option(metavar="ID", help="Of this endpoint.")] = None,
    report: Annotated[str | None, typer.Option(metavar="ID", help="Of this report.")] = None,
    status: Annotated[str | None, typer.Option(help="PENDING, DELIVERED or FAILED.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="As many at most.")] = 20,
) -> None:
    """Show what was sent and what came of it, of an endpoint or of a report."""
    if (endpoint is None) == (report is None):
        raise CommandFailed(ExitCode.USAGE, "say whose deliveries: --endpoint ID or --report ID")
    if report is not None:
        found: list[Json] = setting.api.get(path_of("reports", report) + "/deliveries")["items"]
        items, following = [i for i in found if status in {None, i["status"]}][:limit], None
    else:
        where = path_of("webhook-endpoints", endpoint or "") + "/deliveries"
        items, following = setting.api.pages(where, {"status": status}, limit)
    setting.output.show({"items": items, "next": following}, lambda console: _draw_deliveries(console, items))


@app.command("replay", epilog=examples("resma webhook replay evt_840edab4930d475eb6a2bb69c18a6792 callback"))
@with_groups
def replay(
    setting: Setting,
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="The event's id.")],
    endpoint_id: EndpointId,
) -> None:
    """Send a webhook again, within a minute."""
    delivery: Json = setting.api.post(path_of("webhook-deliveries", event_id, endpoint_id, "replay"))
    setting.output.show(delivery, lambda console: _draw_deliveries(console, [delivery]))


def _state(endpoint: Json) -> str:
    return "enabled" if endpoint["enabled"] else f"disabled ({endpoint['disabledReason']})"


def _draw_deliveries(console: Console, items: list[Json]) -> None:
    rows = []
    for item in items:
        last = (item["attempts"] or [{}])[-1]
        came = last.get("statusCode") or last.get("error") or ""
        rows.append((item["eventId"], item["endpointId"], item["event"], item["status"], len(item["attempts"]), came))
    draw_table(console, ("EVENT ID", "ENDPOINT", "EVENT", "STATUS", "ATTEMPTS", "LAST"), rows)
    for item in items:
        if item["nextAttemptAt"] and console.is_terminal:
            console.print(f"next attempt of {item['eventId']}: {moment(item['nextAttemptAt'])}", style="dim")
