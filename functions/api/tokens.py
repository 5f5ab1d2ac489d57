"""Tokens of an OpenID Connect provider: signed by one of its keys, for us, not expired.

The provider says of itself where its keys are (OpenID Connect Discovery 1.0, section 4). They are kept for five
minutes; while the provider does not answer, those that are known stay good for an hour.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import urllib3

from resma.errors import CredentialsInvalid, IdentityProviderUnavailable

Jwk = dict[str, Any]
"""A key, as the provider shows it (RFC 7517)."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""With a public key to verify by. None where whoever can verify can also sign."""

LEEWAY_SECONDS = 30
"""How far apart the provider's clock and ours may be."""

FRESH_SECONDS, STALE_SECONDS = 300, 3600
PAUSE_SECONDS = 15
"""Least time between two questions to the provider: tokens with keys that nobody knows must not become its load."""

_TIMEOUT = urllib3.Timeout(total=3)
_BYTES_MAX = 1024 * 1024


@dataclass
class Provider:
    """An OpenID Connect provider. One is kept for the life of a process."""

    issuer: str
    audience: str
    allow_http: bool = False
    """On one's own machine."""
    _keys: list[Jwk] = field(default_factory=list, init=False)
    _keys_since: float = field(default=0.0, init=False)
    _asked: float | None = field(default=None, init=False)

    def verify(self, token: str) -> dict[str, Any]:
        """Returns a good token's claims; `sub` and `exp` are among them.

        Raises CredentialsInvalid that says what is wrong, IdentityProviderUnavailable where the keys can't be had.
        """
        import jwt  # noqa: PLC0415  # cryptography takes long to load, and callers with API keys don't need it

        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in ALGORITHMS:
                raise CredentialsInvalid(f"the token is signed in a way that is not taken: use {', '.join(ALGORITHMS)}")
            claims: dict[str, Any] = jwt.decode(
                token,
                jwt.PyJWK(self._find_key(header.get("kid"), algorithm), algorithm),
                algorithms=[algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            # The error's class says what is wrong; its text may quote the token.
            raise CredentialsInvalid(f"the token can't be used: {_WRONG.get(type(error).__name__, _UNKNOWN)}") from None
        return claims

    def _find_key(self, key_id: object, algorithm: str) -> Jwk:
        if (key := _choose(self._known_keys(), key_id)) is None and self._may_ask():
            key = _choose(self._ask(), key_id)  # the provider may have a new one
        if key is None:
            raise CredentialsInvalid("the token is signed with a key that its issuer does not show")
        if key.get("alg") not in {None, algorithm} or key.get("use") not in {None, "sig"}:
            raise CredentialsInvalid("the token is signed with a key that is for something else")
        return key

    def _known_keys(self) -> list[Jwk]:
        age = monotonic() - self._keys_since
        is_usable = bool(self._keys) and age < STALE_SECONDS
        if is_usable and (age < FRESH_SECONDS or not self._may_ask()):
            return self._keys
        if not self._may_ask():  # or every made-up token would have the provider asked
            raise IdentityProviderUnavailable("the provider was asked a moment ago, and had no keys to show")
        try:
            return self._ask()
        except IdentityProviderUnavailable:
            if is_usable:
                return self._keys
            raise

    def _may_ask(self) -> bool:
        return self._asked is None or monotonic() - self._asked > PAUSE_SECONDS

    def _ask(self) -> list[Jwk]:
        self._asked = monotonic()
        described = self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if described.get("issuer") != self.issuer:
            raise IdentityProviderUnavailable("the provider calls itself by another name than OidcIssuer")
        keys = self._fetch(str(described.get("jwks_uri"))).get("keys")
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            raise IdentityProviderUnavailable("the provider shows no keys")
        self._keys, self._keys_since = keys, self._asked
        return keys

    def _fetch(self, address: str) -> dict[str, Any]:
        if not address.startswith(("https://", "http://") if self.allow_http else "https://"):
            raise IdentityProviderUnavailable("the provider's addresses must begin with https://")
        try:
            with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as http:
                answer = http.request("GET", address, redirect=False, preload_content=False)
                body = answer.read(_BYTES_MAX)
            found = json.loads(body) if answer.status == 200 else None
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise IdentityProviderUnavailable(f"the provider does not answer: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise IdentityProviderUnavailable(f"the provider answers {answer.status}, and not with an object")
        return found


def _choose(keys: list[Jwk], key_id: object) -> Jwk | None:
    """The key of that id; where the token names none, the only one there is."""
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.get("kid") == key_id), None)


_UNKNOWN = "it is not well formed"
_WRONG = {
    "ExpiredSignatureError": "it has expired, get a new one",
    "InvalidSignatureError": "its signature is wrong",
    "InvalidAudienceError": "it is for another audience",
    "InvalidIssuerError": "it is from another issuer",
    "ImmatureSignatureError": "it is not valid yet",
    "InvalidIssuedAtError": "it is from the future",
    "MissingRequiredClaimError": "it lacks one of exp, iss, aud, sub",
    "InvalidSubjectError": "its sub is no text",
}
