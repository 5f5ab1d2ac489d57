"""`resma admin`: commands of operators, which use the database instead of the API."""

from __future__ import annotations

import typer

from resma_cli.checkout import CheckoutCommand, add_checkout_command

app = typer.Typer(
    no_args_is_help=True,
    help="Commands of operators, which use the database instead of the API: tenants, keys, migrations.",
)

_COMMANDS = (
    CheckoutCommand(
        "access",
        "infra.admin.access",
        "Manage tenants, their quotas and their keys.",
        'create-tenant north-bank "North Bank"',
    ),
    CheckoutCommand(
        "dead-letters",
        "infra.admin.dead_letters",
        "List, show and redrive the dead letters of all tenants.",
        "list --tenant north-bank",
    ),
    CheckoutCommand(
        "migrate",
        "infra.postgres.migrate",
        "Apply the pending migrations of a database.",
        "postgresql://owner:password@host:5432/dbname",
    ),
    CheckoutCommand(
        "event-schemas",
        "infra.checks.event_schemas",
        "Write the JSON Schemas of the events, after a change of their models.",
        "",
    ),
)


for _command in _COMMANDS:
    add_checkout_command(app, "admin", _command)
