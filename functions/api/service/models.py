"""JSON models of the caller and of the health check."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from resma.access.caller import Scope
from resma.json_models import ViewModel


class CallerView(ViewModel):
    """Caller of the API, with its tenant and its scopes."""

    tenant_id: str = Field(description="Id of the tenant.")
    tenant_name: str = Field(description="Name of the tenant.")
    subject: str = Field(description="`key:` and the id of a key, `token:` and its subject, or `loopback`.")
    name: str | None = Field(default=None, description="Current name of the key. Null for tokens and `loopback`.")
    scopes: list[Scope] = Field(description="What the caller is allowed to do.")


class Health(ViewModel):
    """Result of the health check."""

    status: Literal["ok"] = Field(default="ok", description="Always `ok`.")
