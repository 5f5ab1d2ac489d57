"""`resma schedule`: schedules, which generate reports at set times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from resma_cli.amounts import count
from resma_cli.api_client import Json, path_of
from resma_cli.commands.generate import OutputPath, Overwrite, Wait, require_target, wait_and_save
from resma_cli.completion import one_of
from resma_cli.confirm import Yes, confirm
from resma_cli.dates import read_timestamp, show_timestamp
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.ids import find_schedule_id
from resma_cli.output import TableColumn, draw_pairs, draw_table
from resma_cli.rendering import display_ids, draw_report
from resma_cli.request_options import ReportOptions
from resma_cli.shared_options import ApiOptions, Limit, examples, with_groups

app = typer.Typer(no_args_is_help=True, help="Manage schedules, which generate reports at set times.")

_ALL = "/api/v1/schedules"
ScheduleId = Annotated[
    str,
    typer.Argument(metavar="ID", help="Id of the schedule, or its first characters. `resma schedule list` shows it."),
]


@dataclass(frozen=True)
class ScheduleOptions:
    """Options that determine when a schedule runs."""

    when: Annotated[
        str | None,
        typer.Option(
            autocompletion=one_of("monthly", "weekly", "daily", "first-business-day"),
            help='Run monthly, weekly, daily, on the first-business-day, or by a cron expression like "0 6 * * 1".',
        ),
    ] = None
    at: Annotated[
        str | None,
        typer.Option(metavar="HH:MM", help="Run at this time of day. Default: 06:00. Not for cron expressions."),
    ] = None
    zone: Annotated[
        str | None,
        typer.Option(
            "--schedule-time-zone",
            metavar="ZONE",
            help="Run by the clock of this time zone. Default: the one of --time-zone, else UTC.",
        ),
    ] = None
    period: Annotated[
        str | None, typer.Option(help="Set the filters from and to at each run: last-month, yesterday, last-7-days, …")
    ] = None
    week_starts_on: Annotated[
        str | None,
        typer.Option(help="First day of weeks in periods: monday, saturday or sunday. Default: by --locale."),
    ] = None
    calendar: Annotated[
        str | None,
        typer.Option(
            metavar="COUNTRY", help="Country whose public holidays are not business days, such as BR, US or PT."
        ),
    ] = None
    misfire_policy: Annotated[
        str | None,
        typer.Option(
            autocompletion=one_of("skip", "run-once", "run-all"),
            help="Misfire policy: skip, run-once or run-all.",
        ),
    ] = None
    ends_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Stop running after this time. A date without a time means 00:00 on that day."
        ),
    ] = None

    def describe(self, time_zone: str | None = None) -> Json:
        """Returns the options that are set, as the API's JSON. `time_zone` is the report's."""
        zone = self.zone or time_zone
        ends_at = self.ends_at and read_timestamp(self.ends_at, "--ends-at", zone_name=zone)
        values = {
            "when": self.when,
            "at": self.at,
            "timeZone": zone,
            "period": self.period,
            "weekStartsOn": self.week_starts_on,
            "calendar": self.calendar,
            "misfirePolicy": self.misfire_policy,
            "endsAt": ends_at,
        }
        return {name: value for name, value in values.items() if value is not None}


@app.command(
    "create",
    epilog=examples(
        'resma schedule create "Monthly statement" TRANSACTIONS --format PDF --when monthly --at 06:00 '
        "--time-zone America/Sao_Paulo --period last-month"
    ),
)
@with_groups
def create_schedule(
    api_options: ApiOptions,
    name: Annotated[str, typer.Argument(help="Name of the schedule.")],
    report_options: ReportOptions,
    schedule_options: ScheduleOptions,
    paused: Annotated[bool, typer.Option("--paused", help="Create it paused, until `resma schedule resume`.")] = False,
) -> None:
    """Create a schedule. It runs with the scopes of the key that creates it."""
    when = _require_when(schedule_options.describe(report_options.time_zone))
    request = report_options.request(api_options.api)
    made: Json = api_options.api.post(_ALL, {**when, "name": name, "request": request, "paused": paused})
    api_options.output.show(made, lambda console: _draw(console, made))


@app.command("list", epilog=examples("resma schedule list"))
@with_groups
def list_schedules(api_options: ApiOptions, limit: Limit = 50) -> None:
    """List schedules, with their next runs."""
    items, following = api_options.api.pages(_ALL, {}, limit)

    def draw(console: Console) -> None:
        ids = display_ids(console, [i["id"] for i in items])
        rows = [
            (id_, i["name"], i["status"], i["when"], show_timestamp(i["nextRunAt"], zone_name=i["timeZone"]))
            for id_, i in zip(ids, items, strict=True)
        ]
        columns = (
            "ID",
            TableColumn("NAME", is_flexible=True),
            "STATUS",
            TableColumn("WHEN", is_flexible=True),
            "NEXT RUN",
        )
        draw_table(console, columns, rows)

    api_options.output.show({"items": items, "next": following}, draw)


@app.command("show", epilog=examples("resma schedule show sch_1f0c5c2e"))
@with_groups
def show_schedule(api_options: ApiOptions, schedule_id: ScheduleId) -> None:
    """Show a schedule, its status and its last run."""
    schedule: Json = api_options.api.get(path_of("schedules", find_schedule_id(api_options.api, schedule_id)))
    api_options.output.show(schedule, lambda console: _draw(console, schedule))


@app.command(
    "preview",
    epilog=examples(
        "resma schedule preview sch_1f0c5c2e",
        "resma schedule preview --when monthly --time-zone Europe/Lisbon --count 12",
    ),
)
@with_groups
def preview_schedule(
    api_options: ApiOptions,
    schedule_options: ScheduleOptions,
    schedule_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Id of a schedule. Without it, --when is required.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Time zone of the runs, unless --schedule-time-zone is set.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=50, help="Number of runs to show.")] = 10,
) -> None:
    """Show the next runs of a schedule, or of options for a new schedule."""
    timing = schedule_options.describe(time_zone)
    if schedule_id is not None:
        if timing:
            raise CommandFailedError(
                ExitCode.USAGE, "`preview` takes either a schedule's id, or `--when` and its options."
            )
        schedule: Json = api_options.api.get(path_of("schedules", find_schedule_id(api_options.api, schedule_id)))
        zone_name = str(schedule["timeZone"])
        answer: Json = api_options.api.get(path_of("schedules", schedule["id"]) + "/preview", {"count": count})
    else:
        zone_name = timing.get("timeZone", "UTC")
        answer = api_options.api.post(f"{_ALL}/preview?count={count}", _require_when(timing), is_repeatable=True)
    runs = answer["runs"]

    def draw(console: Console) -> None:
        rows = [
            (_local_time(run["localTime"], zone_name), _utc(run["at"]), run["from"], run["to"], run["note"])
            for run in runs
        ]
        draw_table(console, ("RUNS AT", "IN UTC", "FROM", "TO", TableColumn("NOTE", is_flexible=True)), rows)

    api_options.output.show(answer, draw)


@app.command("pause", epilog=examples("resma schedule pause sch_1f0c5c2e"))
@with_groups
def pause_schedule(api_options: ApiOptions, schedule_id: ScheduleId) -> None:
    """Pause a schedule until it is resumed."""
    _change(api_options, schedule_id, paused=True)


@app.command("resume", epilog=examples("resma schedule resume sch_1f0c5c2e"))
@with_groups
def resume_schedule(api_options: ApiOptions, schedule_id: ScheduleId) -> None:
    """Resume a schedule that was paused."""
    _change(api_options, schedule_id, paused=False)


@app.command(
    "delete", epilog=examples("resma schedule delete sch_1f0c5c2e", "resma schedule delete sch_1f0c5c2e --yes")
)
@with_groups
def delete_schedule(api_options: ApiOptions, schedule_id: ScheduleId, yes: Yes = False) -> None:
    """Delete a schedule. Reports that it has generated are kept."""
    schedule_id = find_schedule_id(api_options.api, schedule_id)
    confirm(f"Delete schedule {schedule_id}?", yes=yes)
    api_options.api.delete(path_of("schedules", schedule_id))
    document = {"id": schedule_id, "status": "deleted"}
    api_options.output.show(document, lambda console: console.print(f"Deleted schedule {schedule_id}."))


@app.command("runs", epilog=examples("resma schedule runs sch_1f0c5c2e"))
@with_groups
def list_runs(
    api_options: ApiOptions,
    schedule_id: ScheduleId,
    limit: Limit = 20,
) -> None:
    """List a schedule's past runs and their outcomes."""
    schedule_id = find_schedule_id(api_options.api, schedule_id)
    items, following = api_options.api.pages(path_of("schedules", schedule_id) + "/runs", {}, limit)

    def draw(console: Console) -> None:
        reports = display_ids(console, [i["reportId"] or "" for i in items])
        rows = [
            (show_timestamp(i["scheduledFor"]), i["outcome"], report, i["detail"])
            for i, report in zip(items, reports, strict=True)
        ]
        draw_table(console, ("SCHEDULED FOR", "OUTCOME", "REPORT", TableColumn("DETAIL", is_flexible=True)), rows)

    api_options.output.show({"items": items, "next": following}, draw)


@app.command("run", epilog=examples("resma schedule run sch_1f0c5c2e", "resma schedule run sch_1f0c5c2e --wait"))
@with_groups
def run_schedule(  # noqa: PLR0913  # options of a command line
    api_options: ApiOptions,
    schedule_id: ScheduleId,
    *,
    wait: Wait = False,
    path: OutputPath = None,
    overwrite: Overwrite = False,
    key: Annotated[
        str | None,
        typer.Option(
            "--idempotency-key", metavar="TEXT", help="Return the report of an earlier request with the same key."
        ),
    ] = None,
) -> None:
    """Generate a schedule's report now, for its period as of today; with --wait, also save its files."""
    target = require_target(api_options, path, overwrite)
    api = api_options.api
    report: Json = api.post(
        path_of("schedules", find_schedule_id(api, schedule_id), "run"), key=key, is_repeatable=True
    )
    if wait or path is not None:
        wait_and_save(api_options, report, target)
        return
    api_options.output.show(report, lambda console: draw_report(console, report))


@app.command(
    "backfill",
    epilog=examples(
        "resma schedule backfill sch_1f0c5c2e --from 2024-01-01 --to 2024-03-31 --dry-run",
        "resma schedule backfill sch_1f0c5c2e --from 2024-01-01 --to 2024-03-31",
    ),
)
@with_groups
def backfill_schedule(
    api_options: ApiOptions,
    schedule_id: ScheduleId,
    *,
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="First day of the runs, in the schedule's time zone.")
    ],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Last day of the runs. It is included.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the runs that would be started, and start none.")
    ] = False,
) -> None:
    """Start a schedule's runs of past days, each with the period that it had then.

    Runs that were started before are not started again, so the command can be repeated after it was stopped by a limit.
    """
    api = api_options.api
    body = {"from": first, "to": last, "dryRun": dry_run}
    # Each run is started at most once, so that the request can be repeated after a lost response.
    answer: Json = api.post(
        path_of("schedules", find_schedule_id(api, schedule_id), "backfill"), body, is_repeatable=True
    )

    def draw(console: Console) -> None:
        reports = display_ids(console, [run["reportId"] or "" for run in answer["runs"]])
        rows = [
            (show_timestamp(run["scheduledFor"]), run["from"], run["to"], run["outcome"], report)
            for run, report in zip(answer["runs"], reports, strict=True)
        ]
        draw_table(console, ("SCHEDULED FOR", "FROM", "TO", "OUTCOME", "REPORT"), rows)

    stopped = answer["stopped"]
    if not (stopped and api_options.as_json):
        api_options.output.show(answer, draw)
    api_options.output.print_message(f"Started {count(answer['started'], 'run')}.")
    if stopped:
        raise CommandFailedError(ExitCode.QUOTA, stopped["detail"], code=stopped["code"], more=answer)


def _change(api_options: ApiOptions, schedule_id: str, *, paused: bool) -> None:
    schedule_id = find_schedule_id(api_options.api, schedule_id)
    schedule: Json = api_options.api.patch(path_of("schedules", schedule_id), {"paused": paused})
    api_options.output.show(schedule, lambda console: _draw(console, schedule))


def _require_when(timing: Json) -> Json:
    if "when" not in timing:
        raise CommandFailedError(
            ExitCode.USAGE, "`--when` is required: monthly, weekly, daily, first-business-day, or a cron expression."
        )
    return timing


def _local_time(text: str, zone_name: str) -> str:
    """Returns a run's local time with its UTC offset, which depends on daylight-saving time, and the time zone."""
    return f"{datetime.fromisoformat(text).isoformat(' ', 'minutes')} {zone_name}"


def _utc(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}"


def _draw(console: Console, schedule: Json) -> None:
    last, zone = schedule["lastRun"] or {}, schedule["timeZone"]
    draw_pairs(
        console,
        [
            ("id", schedule["id"]),
            ("name", schedule["name"]),
            ("status", schedule["status"]),
            ("", schedule["statusDetail"]),
            ("when", " ".join(filter(None, (schedule["when"], schedule.get("at"), schedule["timeZone"])))),
            ("period", schedule["period"]),
            ("week starts on", schedule.get("weekStartsOn")),
            ("report", schedule["request"]["type"]),
            ("owner", schedule["owner"]),
            ("rights expire", show_timestamp(schedule.get("ownerExpiresAt"))),
            ("next run", show_timestamp(schedule["nextRunAt"], zone_name=zone)),
            (
                "last run",
                f"{show_timestamp(last.get('scheduledFor'), zone_name=zone)}, {last.get('outcome')}" if last else None,
            ),
        ],
    )
