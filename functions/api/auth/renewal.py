"""Refresh tokens, sealed for the browser: the cookie of a session contains one, and only the session's tabs can use it.

The API keeps no sessions. It encrypts the refresh token with a key that the page makes at sign-in (AES-256-GCM, NIST SP
800-38D) and returns it as a cookie that scripts cannot read. A renewal needs both: the cookie, which only the browser
has, and the key, which is deleted with the last tab.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from resma.request_errors import CredentialsInvalidError

_COOKIE = "resma-renewal"
_NONCE_BYTES = 12
_MAX_COOKIE = 3900
"""Maximum length of the cookie's value. Browsers store cookies of at most 4096 bytes, with name and attributes."""


@dataclass(frozen=True)
class RenewalCookie:
    """The cookie of a session. `path` is the only path to which browsers send it."""

    path: str
    is_secure: bool
    """False only if the API is reached by http, on a developer's machine."""

    def store(self, sealed: str) -> str:
        """Returns the value of `Set-Cookie` for a sealed refresh token, until the browser is closed."""
        return f"{_COOKIE}={sealed}; {self._attributes()}"

    def delete(self) -> str:
        """Returns the value of `Set-Cookie` that deletes the cookie."""
        return f"{_COOKIE}=; Max-Age=0; {self._attributes()}"

    def _attributes(self) -> str:
        # RFC 6265bis: not for scripts, and never with requests of pages of other sites.
        return f"Path={self.path}; HttpOnly; SameSite=Strict{'; Secure' if self.is_secure else ''}"


def read_cookie(header: str | None) -> str | None:
    """Returns the sealed refresh token in the header `Cookie`, or None."""
    try:
        morsel = SimpleCookie(header or "").get(_COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None and morsel.value else None


def seal(refresh_token: str, key: str, client_id: str) -> str | None:
    """Returns an encrypted refresh token for the cookie, or None if it would be too long. `key` is 256 bits, base64url.

    Raises CredentialsInvalidError if the key has another length.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # slow to import

    nonce = secrets.token_bytes(_NONCE_BYTES)
    content = nonce + AESGCM(_key_bytes(key)).encrypt(nonce, refresh_token.encode(), client_id.encode())
    sealed = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
    return sealed if len(sealed) <= _MAX_COOKIE else None


def unseal(sealed: str, key: str, client_id: str) -> str:
    """Returns the refresh token in a cookie. Raises CredentialsInvalidError if it was sealed with another key."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # slow to import
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    try:
        content = base64.b64decode(_padded(sealed), altchars=b"-_", validate=True)
        nonce, encrypted = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        return AESGCM(_key_bytes(key)).decrypt(nonce, encrypted, client_id.encode()).decode()
    except (InvalidTag, ValueError):
        raise CredentialsInvalidError("The session cannot be renewed. Sign in again.") from None


def _key_bytes(key: str) -> bytes:
    content = base64.urlsafe_b64decode(_padded(key))
    if len(content) != 32:
        raise CredentialsInvalidError("The renewal key must be 256 bits. Reload the page, and sign in again.")
    return content


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
