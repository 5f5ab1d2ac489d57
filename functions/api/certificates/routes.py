"""Routes of /api/v1/certificates."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.scopes import needs
from api.certificates.manage import add_certificate, remove_certificate, show_certificates
from api.certificates.models import CertificateId, CertificateList, CertificateRequest, CertificateView
from api.context import caller_of, database

logger = Logger(child=True)
router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/api/v1/certificates",
    operation_id="addCertificate",
    summary="Add a certificate",
    status_code=HTTPStatus.CREATED,
    description="Adds the OpenPGP certificate of a receiver: name its id in `encryptFor` of requests or of a "
    "destination, and all files of the report are encrypted for it. Compare the fingerprint with the one that its "
    "owner tells you.",
    response_description="The certificate.",
    tags=["Certificates"],
    security=needs("destinations:manage"),
)
def handle_post_certificate(body: CertificateRequest) -> Response[CertificateView]:
    """Handles POST: returns 201 with the certificate."""
    added = add_certificate(database(), caller_of(router), body)
    _log("a certificate was added", added.id)
    return Response(HTTPStatus.CREATED, "application/json", added)


@router.get(
    "/api/v1/certificates",
    operation_id="listCertificates",
    summary="List certificates",
    description="Lists all certificates of your tenant, oldest first.",
    response_description="The certificates.",
    tags=["Certificates"],
    security=needs("destinations:manage"),
)
def handle_get_certificates() -> CertificateList:
    """Handles GET: returns all certificates."""
    return show_certificates(database(), caller_of(router))


@router.delete(
    "/api/v1/certificates/<certificate_id>",
    operation_id="deleteCertificate",
    summary="Delete a certificate",
    status_code=HTTPStatus.NO_CONTENT,
    description="Deletes a certificate. Files that exist stay encrypted for it. Reports in progress that name it fail. "
    "A certificate that schedules or destinations name cannot be deleted.",
    response_description="The certificate was deleted.",
    tags=["Certificates"],
    security=needs("destinations:manage"),
)
def handle_delete_certificate(certificate_id: CertificateId) -> Response[None]:
    """Handles DELETE: deletes the certificate and returns 204, or 409 if schedules or destinations name it."""
    remove_certificate(database(), caller_of(router), certificate_id)
    _log("a certificate was deleted", certificate_id)
    return Response(HTTPStatus.NO_CONTENT)


def _log(message: str, certificate_id: str) -> None:
    caller = caller_of(router)
    logger.info(message, certificate_id=certificate_id, tenant_id=caller.tenant_id, subject=caller.subject)
