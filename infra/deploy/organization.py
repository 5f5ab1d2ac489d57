"""The tenant of a deployment to an emulator, and the name of the organization on its files."""

from __future__ import annotations

from pathlib import Path

import psycopg

from infra.deploy.source import SourceDatabase
from resma.catalog import check_settings

TENANT = "demo"
"""The tenant that requests from this machine belong to."""

DEMO_ORGANIZATION = "Banco Aurora"


def name_organization(database_url: str, catalog: Path, source: SourceDatabase | None) -> None:
    """Creates the tenant `demo`, or changes its name.

    Its name is `[brand] name` of resma.toml; without it, that of the source database, or of the demo bank.
    """
    settings, _ = check_settings(catalog)
    name = settings.brand.name if settings else None
    if name is None:
        name = DEMO_ORGANIZATION if source is None else source.database_name
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO resma.tenants (tenant_id, name) VALUES (%s, %s)"
            " ON CONFLICT (tenant_id) DO UPDATE SET name = EXCLUDED.name",
            (TENANT, name),
        )
        # To try destinations by e-mail. What an operator has set is not changed.
        connection.execute(
            "UPDATE resma.tenants SET email_domains = '{example.com}', email_attachment_bytes = 1000000"
            " WHERE tenant_id = %s AND email_domains = '{}'",
            (TENANT,),
        )
