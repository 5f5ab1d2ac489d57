"""JSON models of certificates."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import AfterValidator, ConfigDict, Field

from resma.encryption.certificate_ids import CERTIFICATE_ID
from resma.encryption.openpgp.certificate import MAX_CERTIFICATE_BYTES
from resma.json_models import SINGLE_LINE, SINGLE_LINE_SCHEMA, RequestModel, ViewModel
from resma.request_errors import CertificateNotFoundError
from resma.string_patterns import NO_NUL

CertificateStatus = Literal["VALID", "EXPIRING", "EXPIRED"]


def _require_certificate_id(text: str) -> str:
    if re.fullmatch(CERTIFICATE_ID, text, re.ASCII) is None:
        raise CertificateNotFoundError(
            "This is not the id of a certificate. GET /api/v1/certificates lists your certificates."
        )
    return text


CertificateId = Annotated[
    str,
    AfterValidator(_require_certificate_id),
    Path(description="Id of the certificate.", json_schema_extra={"pattern": CERTIFICATE_ID}),
]
_EXAMPLE: dict[str, Any] = {
    "name": "Bank of the North",
    "certificate": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ...\n-----END PGP PUBLIC KEY BLOCK-----\n",
}


class CertificateRequest(RequestModel):
    """A certificate to add."""

    model_config = ConfigDict(title="AddCertificateRequest", json_schema_extra={"examples": [_EXAMPLE]})

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            json_schema_extra=SINGLE_LINE_SCHEMA,
            description="Name of the certificate, for people: its receiver.",
        ),
        SINGLE_LINE,
    ]
    certificate: str = Field(
        min_length=1,
        max_length=MAX_CERTIFICATE_BYTES,
        pattern=NO_NUL,
        description="The OpenPGP certificate (public key) with ASCII armor, as `gpg --armor --export` writes it, or in "
        "binary form and Base64. It must not contain a secret key.",
    )


class CertificateView(ViewModel):
    """An OpenPGP certificate for which files can be encrypted."""

    id: str = Field(description="Id of the certificate, for `encryptFor` in requests and destinations.")
    name: str = Field(description="Name of the certificate.")
    fingerprint: str = Field(description="Fingerprint of its primary key, in hexadecimal. Compare it with the owner's.")
    user_ids: list[str] = Field(description="Names and e-mail addresses that its owner stated in it, at most ten.")
    algorithm: str = Field(description="Algorithm of the key that files are encrypted for.")
    expires_at: datetime | None = Field(description="When this key expires; null: never.")
    status: CertificateStatus = Field(
        description="`VALID`, `EXPIRING` within 30 days, or `EXPIRED`: requests that name it are rejected."
    )
    created_at: datetime = Field(description="When it was added.")
    created_by: str = Field(description="Caller that added it, like `subject` of `GET /api/v1/me`.")


class CertificateList(ViewModel):
    """All certificates, oldest first."""

    items: list[CertificateView] = Field(description="Certificates.")
