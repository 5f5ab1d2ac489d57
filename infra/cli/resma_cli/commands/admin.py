"""`resma admin`: commands of operators, which use the database instead of the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import typer

from resma_cli.checkout import load_from_checkout
from resma_cli.shared_options import examples

app = typer.Typer(
    no_args_is_help=True,
    help="Commands of operators, which use the database instead of the API: tenants, keys, migrations, checks.",
)

_PASS_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@dataclass(frozen=True)
class _Command:
    """A command that runs the function `main` of a module of the checkout with its arguments."""

    name: str
    module: str
    help: str
    example: str


_COMMANDS = (
    _Command(
        "access",
        "infra.admin.access",
        "Manage tenants, their quotas and their keys.",
        'create-tenant north-bank "North Bank"',
    ),
    _Command(
        "dead-letters",
        "infra.admin.dead_letters",
        "List, show and redrive the dead letters of all tenants.",
        "list --tenant north-bank",
    ),
    _Command(
        "migrate",
        "infra.postgres.migrate",
        "Apply the pending migrations of a database.",
        "postgresql://owner:password@host:5432/dbname",
    ),
    _Command(
        "report-types",
        "infra.checks.report_types.__main__",
        "Check the catalog of report types.",
        "--folder reports",
    ),
    _Command(
        "event-schemas",
        "infra.checks.event_schemas",
        "Write the JSON Schemas of the events, after a change of their models.",
        "",
    ),
)


def _add(command: _Command) -> None:
    example = f"resma admin {command.name} {command.example}".rstrip()

    @app.command(
        command.name,
        help=command.help,
        epilog=examples(example),
        context_settings=_PASS_ARGUMENTS,
        add_help_option=False,
    )
    def run(context: typer.Context) -> int:
        main: Callable[[list[str]], int] = load_from_checkout(command.module, "Commands of operators run from").main
        return main(context.args)


for _command in _COMMANDS:
    _add(_command)
