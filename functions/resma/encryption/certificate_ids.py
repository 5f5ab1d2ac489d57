"""Ids of certificates in requests: `encryptFor` of a report, a schedule or a destination."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

MAX_CERTIFICATES_PER_REPORT = 10
CERTIFICATE_ID = "^crt_[0-9a-f]{32}$"
"""Pattern of the id of a certificate."""


def _require_distinct(certificate_ids: list[str]) -> list[str]:
    if len(set(certificate_ids)) < len(certificate_ids):
        raise ValueError("It must not contain a certificate twice.")
    return certificate_ids


CertificateIds = Annotated[
    list[Annotated[str, Field(pattern=CERTIFICATE_ID)]],
    Field(min_length=1, max_length=MAX_CERTIFICATES_PER_REPORT, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_require_distinct),
]
"""Type of a property with the ids of certificates. Whether they exist is checked with the rows of the tenant."""
