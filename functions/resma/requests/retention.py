"""Retention of a report's files: what a request, a report type and the deployment say, and the limits.

The retention of the request comes first, then that of the report type, then that of the deployment. A request beyond a
limit is rejected. The other two are reduced to the limits, because the caller has not chosen them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import Field, ValidationInfo, field_validator

from resma.catalog import MAX_RETENTION_DAYS, ReportType
from resma.database.connection import Database
from resma.request_errors import FieldError, RequestInvalidError
from resma.requests.report_request import ReportRequest
from resma.settings import Settings, read_settings
from resma.short_text import counted

_POINTER = "/retentionDays"


class RetentionSettings(Settings):
    """Retention of files in this deployment, which template.yaml sets for each function that accepts requests."""

    max_retention_days: int = Field(ge=1, le=MAX_RETENTION_DAYS)
    """Maximum number of days for which the files of any report are kept."""
    retention_days: int = Field(ge=1)
    """Days for which files are kept if neither the request nor the report type says so."""

    @field_validator("retention_days")
    @classmethod
    def _within_the_maximum(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data.get("max_retention_days", value):
            raise ValueError("It must not be more than MAX_RETENTION_DAYS.")
        return value


@lru_cache
def retention_settings() -> RetentionSettings:
    """Returns the settings, which are read once per process. Raises SettingsInvalidError."""
    return read_settings(RetentionSettings)


def choose_retention(request: ReportRequest, report_type: ReportType) -> int:
    """Returns the days for which the files of a request are kept, without the limit of the tenant."""
    settings = retention_settings()
    days = request.retention_days or report_type.retention_days or settings.retention_days
    return min(days, settings.max_retention_days)


def find_retention_errors(request: ReportRequest) -> Iterator[FieldError]:
    """Yields an error if a request names a longer retention than the deployment allows."""
    if request.retention_days is None:
        return
    if request.retention_days > (limit := retention_settings().max_retention_days):
        detail = f"It must be {limit} or less: files of this deployment are kept for at most {counted(limit, 'day')}."
        yield FieldError(_POINTER, detail)


def find_tenant_retention_errors(database: Database, tenant_id: str, request: ReportRequest) -> list[FieldError]:
    """Returns an error if a request names a longer retention than its tenant may use.

    It reads the limit only if the request names a retention that the deployment allows.
    """
    if request.retention_days is None or any(find_retention_errors(request)):
        return []
    with database.transaction(tenant_id) as connection:
        return list(_find_errors(connection, tenant_id, request.retention_days))


def require_tenant_retention(connection: Connection[TupleRow], tenant_id: str, requested_days: int | None) -> None:
    """Raises RequestInvalidError if a request names a longer retention than the tenant may use. None: it names none."""
    if requested_days is None:
        return
    if field_errors := list(_find_errors(connection, tenant_id, requested_days)):
        raise RequestInvalidError.of(field_errors)


def _find_errors(connection: Connection[TupleRow], tenant_id: str, days: int) -> Iterator[FieldError]:
    row = connection.execute(
        "SELECT max_retention_days FROM resma.tenants WHERE tenant_id = %s AND max_retention_days < %s",
        (tenant_id, days),
    ).fetchone()
    if row is not None:
        detail = f"It must be {row[0]} or less: files of your tenant are kept for at most {counted(row[0], 'day')}."
        yield FieldError(_POINTER, detail)
