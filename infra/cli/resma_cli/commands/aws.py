"""`resma aws`: prepares a deployment to AWS, and builds its package."""

from __future__ import annotations

import typer

from resma_cli.checkout import CheckoutCommand, add_checkout_command

app = typer.Typer(no_args_is_help=True, help="Prepare a deployment to AWS: database, secrets, parameters, package.")

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
add_checkout_command(
    app,
    "aws",
    CheckoutCommand(
        "build",
        "infra.deploy.build",
        "Run `sam build`, and add the catalog of report types to the package of the functions.",
        "--catalog reports --config-env dev",
    ),
)
