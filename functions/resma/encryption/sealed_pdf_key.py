"""Keys of PDF files as they are stored in rows: made from the password of a request, and opened by the worker."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from resma.encryption.deployment_key import DeploymentKey
from resma.report.format_options import PdfOptions
from resma.report.pdf_key import PdfKey

_ENTRIES = ("user", "owner", "user_key", "owner_key", "permissions")


def seal_password(key: DeploymentKey, tenant_id: str, options: PdfOptions) -> dict[str, Any] | None:
    """Returns the column `pdf_key` for the password of a request; None if it has none.

    It has the entries of the encryption dictionary, the sealed file key, and a fingerprint of the password, which is
    not in it. Raises SecretUnavailableError, SettingsInvalidError.
    """
    if options.password is None:
        return None
    from resma.encryption.pdf_keys import make_pdf_key  # noqa: PLC0415  # cryptography takes 7 MB

    password = options.password.get_secret_value()
    made = make_pdf_key(password)
    entries = {name: b64encode(getattr(made, name)).decode() for name in _ENTRIES}
    sealed = b64encode(key.seal(tenant_id, made.file_key)).decode()
    return {**entries, "file_key": sealed, "fingerprint": key.fingerprint(tenant_id, password)}


def open_pdf_key(key: DeploymentKey, tenant_id: str, stored: Mapping[str, Any] | None) -> PdfKey | None:
    """Returns the key in a column `pdf_key`; None if files are not encrypted.

    Raises KeyUnreadableError, SecretUnavailableError, SettingsInvalidError.
    """
    if stored is None:
        return None
    file_key = key.open(tenant_id, b64decode(stored["file_key"]))
    return PdfKey(**{name: b64decode(stored[name]) for name in _ENTRIES}, file_key=file_key)
