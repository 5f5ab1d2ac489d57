"""`resma aws`: prepares a deployment to AWS."""

from __future__ import annotations

import typer

from resma_cli.checkout import CheckoutCommand, add_checkout_command

app = typer.Typer(no_args_is_help=True, help="Prepare a deployment to AWS: database, secrets, parameters.")


@app.callback()
def _group() -> None:
    """Keeps the command's name: typer calls the only command of a group by the name of the group."""


add_checkout_command(
    app,
    "aws",
    CheckoutCommand(
        "prepare",
        "infra.prepare.__main__",
        "Prepare the database, the secrets and samconfig.toml for `sam deploy`. Safe to repeat.",
        "--database postgresql://owner:password@host:5432/dbname --stage dev --dry-run",
    ),
)
