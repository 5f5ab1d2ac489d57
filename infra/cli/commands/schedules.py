"""`resma schedule`: reports that are asked for by the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from infra.cli.api import Json, path_of
from infra.cli.asking import Asked
from infra.cli.drawing import moment
from infra.cli.exits import CommandFailed, ExitCode
from infra.cli.groups import Setting, examples, with_groups
from infra.cli.output import draw_pairs, draw_table

app = typer.Typer(no_args_is_help=True, help="Reports that are asked for by the clock.")

_ALL = "/api/v1/schedules"
ScheduleId = Annotated[str, typer.Argument(metavar="ID", help="The schedule's id: `resma schedule list` shows it.")]


@dataclass(frozen=True)
class Clock:
    """When a schedule runs."""

    when: Annotated[
        str | None,
        typer.Option(help='monthly, weekly, daily, first-business-day, or a five-field cron like "0 6 * * 1".'),
    ] = None
    at: Annotated[str | None, typer.Option(metavar="HH:MM", help="For the words: the time of day (06:00).")] = None
    zone: Annotated[
        str | None,
        typer.Option("--in", metavar="ZONE", help="Whose clock: America/Sao_Paulo; else --time-zone, or UTC."),
    ] = None
    period: Annotated[
        str | None, typer.Option(help="Fills the filters from and to: last-month, yesterday, last-7-days, …")
    ] = None
    calendar: Annotated[
        str | None, typer.Option(metavar="COUNTRY", help="Whose public holidays are no business days: BR, US, PT.")
    ] = None
    missed: Annotated[str | None, typer.Option(help="Of runs that were missed: skip, run-once or run-all.")] = None
    ends_at: Annotated[str | None, typer.Option(metavar="MOMENT", help="After this it runs no more.")] = None

    def describe(self) -> Json:
        """As the API takes it: what was not said is left out."""
        said = {
            "when": self.when,
            "at": self.at,
            "timeZone": self.zone,
            "period": self.period,
            "calendar": self.calendar,
            "missed": self.missed,
            "endsAt": self.ends_at,
        }
        return {name: value for name, value in said.items() if value is not None}


@app.command(
    "create",
    epilog=examples(
        'resma schedule create "Monthly statement" TRANSACTIONS --format PDF --when monthly --at 06:00 '
        "--time-zone America/Sao_Paulo --period last-month"
    ),
)
@with_groups
def create_schedule(
    setting: Setting,
    name: Annotated[str, typer.Argument(help="For people.")],
    asked: Asked,
    clock: Clock,
    paused: Annotated[bool, typer.Option("--paused", help="It waits for `resma schedule resume`.")] = False,
) -> None:
    """Make a schedule. It runs with the rights of whoever makes it."""
    when = _require_when(clock.describe())
    request = asked.request(setting.api)
    zone = {"timeZone": request["timeZone"]} if "timeZone" in request else {}
    made: Json = setting.api.post(_ALL, {**zone, **when, "name": name, "request": request, "paused": paused})
    setting.output.show(made, lambda console: _draw(console, made))


@app.command("list", epilog=examples("resma schedule list"))
@with_groups
def list_schedules(
    setting: Setting, limit: Annotated[int, typer.Option(min=1, max=100_000, help="As many at most.")] = 50
) -> None:
    """List schedules."""
    items, following = setting.api.pages(_ALL, {}, limit)

    def draw(console: Console) -> None:
        rows = [(i["id"], i["name"], i["status"], i["when"], i["timeZone"], moment(i["nextRunAt"])) for i in items]
        draw_table(console, ("ID", "NAME", "STATUS", "WHEN", "ZONE", "NEXT RUN"), rows)

    setting.output.show({"items": items, "next": following}, draw)


@app.command("show", epilog=examples("resma schedule show sch_1f0c5c2e"))
@with_groups
def show_schedule(setting: Setting, schedule_id: ScheduleId) -> None:
    """Show a schedule, its state and its last run."""
    found: Json = setting.api.get(path_of("schedules", schedule_id))
    setting.output.show(found, lambda console: _draw(console, found))


@app.command(
    "preview",
    epilog=examples(
        "resma schedule preview sch_1f0c5c2e",
        "resma schedule preview --when monthly --time-zone Europe/Lisbon --count 12",
    ),
)
@with_groups
def preview_schedule(
    setting: Setting,
    clock: Clock,
    schedule_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Of a schedule; or say --when.")] = None,
    time_zone: Annotated[str | None, typer.Option(metavar="ZONE", help="As `create` has it: --in goes before.")] = None,
    count: Annotated[int, typer.Option(min=1, max=50, help="How many runs.")] = 10,
) -> None:
    """Show the next runs, of a schedule or before there is one."""
    said = {**({"timeZone": time_zone} if time_zone else {}), **clock.describe()}
    if schedule_id is not None:
        if said:
            raise CommandFailed(ExitCode.USAGE, "preview takes a schedule's id, or --when and what goes with it")
        answer: Json = setting.api.get(path_of("schedules", schedule_id) + "/preview", {"count": count})
    else:
        answer = setting.api.post(f"{_ALL}/preview?count={count}", _require_when(said), is_repeatable=True)
    runs = answer["runs"]

    def draw(console: Console) -> None:
        rows = [(run["localTime"], run["from"], run["to"], run["note"]) for run in runs]
        draw_table(console, ("RUNS AT", "FROM", "TO", ""), rows)

    setting.output.show(answer, draw)


@app.command("pause", epilog=examples("resma schedule pause sch_1f0c5c2e"))
@with_groups
def pause_schedule(setting: Setting, schedule_id: ScheduleId) -> None:
    """Let it run no more until it is resumed."""
    _change(setting, schedule_id, paused=True)


@app.command("resume", epilog=examples("resma schedule resume sch_1f0c5c2e"))
@with_groups
def resume_schedule(setting: Setting, schedule_id: ScheduleId) -> None:
    """Let it run again."""
    _change(setting, schedule_id, paused=False)


@app.command("delete", epilog=examples("resma schedule delete sch_1f0c5c2e"))
@with_groups
def delete_schedule(setting: Setting, schedule_id: ScheduleId) -> None:
    """Delete a schedule; reports that it has made stay."""
    setting.api.delete(path_of("schedules", schedule_id))
    document = {"id": schedule_id, "status": "deleted"}
    setting.output.show(document, lambda console: console.print(f"schedule {schedule_id} is deleted"))


@app.command("runs", epilog=examples("resma schedule runs sch_1f0c5c2e"))
@with_groups
def list_runs(
    setting: Setting,
    schedule_id: ScheduleId,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="As many at most.")] = 20,
) -> None:
    """Show what came of its runs."""
    items, following = setting.api.pages(path_of("schedules", schedule_id) + "/runs", {}, limit)

    def draw(console: Console) -> None:
        rows = [(moment(i["scheduledFor"]), i["outcome"], i["reportId"], i["detail"]) for i in items]
        draw_table(console, ("SCHEDULED FOR", "OUTCOME", "REPORT", "DETAIL"), rows)

    setting.output.show({"items": items, "next": following}, draw)


def _change(setting: Setting, schedule_id: str, *, paused: bool) -> None:
    found: Json = setting.api.patch(path_of("schedules", schedule_id), {"paused": paused})
    setting.output.show(found, lambda console: _draw(console, found))


def _require_when(said: Json) -> Json:
    if "when" not in said:
        raise CommandFailed(ExitCode.USAGE, "say when: --when monthly, weekly, daily, first-business-day or a cron")
    return said


def _draw(console: Console, schedule: Json) -> None:
    last = schedule["lastRun"] or {}
    draw_pairs(
        console,
        [
            ("id", schedule["id"]),
            ("name", schedule["name"]),
            ("status", schedule["status"]),
            ("", schedule["statusDetail"]),
            ("when", f"{schedule['when']} {schedule.get('at') or ''} {schedule['timeZone']}"),
            ("period", schedule["period"]),
            ("report", schedule["request"]["type"]),
            ("owner", schedule["owner"]),
            ("rights end", moment(schedule.get("ownerExpiresAt"))),
            ("next run", moment(schedule["nextRunAt"])),
            ("last run", f"{moment(last.get('scheduledFor'))} {last.get('outcome')}" if last else None),
        ],
    )
