"""What the operator allows one tenant to use in destinations."""

from __future__ import annotations

from dataclasses import replace

from psycopg import Connection
from psycopg.rows import TupleRow

from resma.destinations.settings import DestinationRules


def rules_of_tenant(connection: Connection[TupleRow], tenant_id: str, rules: DestinationRules) -> DestinationRules:
    """Returns the rules of the deployment with those of a tenant. A tenant that does not exist may send no e-mail."""
    row = connection.execute(
        "SELECT email_domains, email_attachment_bytes FROM resma.tenants WHERE tenant_id = %s", (tenant_id,)
    ).fetchone()
    if row is None:
        return rules
    return replace(rules, email_domains=frozenset(row[0]), email_attachment_bytes=row[1])
