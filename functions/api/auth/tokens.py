"""Tokens of an OpenID Connect provider: signed by one of its keys, for us, not expired.

The provider says of itself where its keys are (OpenID Connect Discovery 1.0, section 4). They are kept for five
minutes; while the provider does not answer, those that are known stay good for an hour.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import urllib3

from api.auth.token_claims import require_access_token
from resma.errors import CredentialsInvalidError, IdentityProviderUnavailableError

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
_MAX_BYTES = 1024 * 1024
_SERVER_ERRORS = 500


@dataclass
class Provider:
    """An OpenID Connect provider. One is kept for the life of a process."""

    issuer: str
    audiences: tuple[str, ...]
    """`aud` must have one of these; in an access token without `aud` (`token_use: access`), `client_id` must be one."""
    allow_http: bool = False
    """On one's own machine."""
    _keys: list[Jwk] = field(default_factory=list, init=False)
    _keys_since: float = field(default=0.0, init=False)
    _asked: float | None = field(default=None, init=False)
    _described: dict[str, Any] | None = field(default=None, init=False)
    _described_since: float = field(default=0.0, init=False)

    def verify(self, token: str) -> dict[str, Any]:
        """Returns a good token's claims; `sub` and `exp` are among them.

        Raises CredentialsInvalidError that says what is wrong, IdentityProviderUnavailableError where the keys can't be
        had.
        """
        import jwt  # noqa: PLC0415  # cryptography takes long to load, and callers with API keys don't need it

        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in ALGORITHMS:
                raise CredentialsInvalidError(
                    f"the token is signed in a way that is not taken: use {', '.join(ALGORITHMS)}"
                )
            claims: dict[str, Any] = jwt.decode(
                token,
                jwt.PyJWK(self._find_key(header.get("kid"), algorithm), algorithm),
                algorithms=[algorithm],
                issuer=self.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )
            require_access_token(header, claims)
            self._require_audience(claims)
        except jwt.PyJWTError as error:
            # The error's class says what is wrong; its text may quote the token.
            raise CredentialsInvalidError(
                f"the token can't be used: {_WRONG.get(type(error).__name__, _UNKNOWN)}"
            ) from None
        return claims

    def _require_audience(self, claims: dict[str, Any]) -> None:
        """Raises InvalidAudienceError or MissingRequiredClaimError for a token that is for somebody else.

        Amazon Cognito's access tokens have no `aud`: they name the client that they were issued to.
        """
        import jwt  # noqa: PLC0415  # as above

        if "aud" not in claims and claims.get("token_use") == "access":
            if claims.get("client_id") not in self.audiences:
                raise jwt.InvalidAudienceError
            return
        audience = claims.get("aud")
        if audience is None:
            raise jwt.MissingRequiredClaimError("aud")
        named = audience if isinstance(audience, list) else [audience]
        if not any(name in self.audiences for name in named):
            raise jwt.InvalidAudienceError

    def _find_key(self, key_id: object, algorithm: str) -> Jwk:
        if (key := _choose(self._known_keys(), key_id)) is None and self._may_ask():
            key = _choose(self._ask(), key_id)  # the provider may have a new one
        if key is None:
            raise CredentialsInvalidError("the token is signed with a key that its issuer does not show")
        if key.get("alg") not in {None, algorithm} or key.get("use") not in {None, "sig"}:
            raise CredentialsInvalidError("the token is signed with a key that is for something else")
        return key

    def _known_keys(self) -> list[Jwk]:
        age = monotonic() - self._keys_since
        is_usable = bool(self._keys) and age < STALE_SECONDS
        if is_usable and (age < FRESH_SECONDS or not self._may_ask()):
            return self._keys
        if not self._may_ask():  # or every made-up token would have the provider asked
            raise IdentityProviderUnavailableError("the provider was asked a moment ago, and had no keys to show")
        try:
            return self._ask()
        except IdentityProviderUnavailableError:
            if is_usable:
                return self._keys
            raise

    def _may_ask(self) -> bool:
        return self._asked is None or monotonic() - self._asked > PAUSE_SECONDS

    def _ask(self) -> list[Jwk]:
        self._asked = monotonic()
        described = self._describe()
        shown = self._fetch(str(described.get("jwks_uri"))).get("keys")
        keys = [key for key in shown if is_public_key(key)] if isinstance(shown, list) else []
        if not keys:
            raise IdentityProviderUnavailableError("the provider shows no public keys that can be used")
        self._keys, self._keys_since = keys, self._asked
        return keys

    def endpoint(self, name: str) -> str:
        """Returns the URL of an endpoint, such as `token_endpoint`. Raises IdentityProviderUnavailableError."""
        if self._described is None or monotonic() - self._described_since > FRESH_SECONDS:
            self._describe()
        found = (self._described or {}).get(name)
        if not isinstance(found, str) or not self._may_reach(found):
            raise IdentityProviderUnavailableError(f"The provider names no usable {name}.")
        return found

    def post(self, url: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Posts a form to one of the provider's endpoints; returns the status and the response's JSON object.

        Raises IdentityProviderUnavailableError where there is no such response.
        """
        try:
            with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as http:
                answer = http.request(
                    "POST", url, fields=dict(form), encode_multipart=False, redirect=False, preload_content=False
                )
                body = json.loads(answer.read(_MAX_BYTES))
        except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
            raise IdentityProviderUnavailableError(f"The provider does not respond: {type(error).__name__}.") from error
        if not isinstance(body, dict) or answer.status >= _SERVER_ERRORS:
            raise IdentityProviderUnavailableError(f"The provider responded with {answer.status} and no JSON object.")
        return answer.status, body

    def _describe(self) -> dict[str, Any]:
        described = self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if described.get("issuer") != self.issuer:
            raise IdentityProviderUnavailableError("the provider calls itself by another name than OidcIssuer")
        self._described, self._described_since = described, monotonic()
        return described

    def _may_reach(self, address: str) -> bool:
        return address.startswith(("https://", "http://") if self.allow_http else "https://")

    def _fetch(self, address: str) -> dict[str, Any]:
        if not self._may_reach(address):
            raise IdentityProviderUnavailableError("the provider's addresses must begin with https://")
        try:
            with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as http:
                answer = http.request("GET", address, redirect=False, preload_content=False)
                body = answer.read(_MAX_BYTES)
            found = json.loads(body) if answer.status == 200 else None
        except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:  # the last: JSON of many brackets
            raise IdentityProviderUnavailableError(f"the provider does not answer: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise IdentityProviderUnavailableError(f"the provider answers {answer.status}, and not with an object")
        return found


def is_public_key(key: object) -> bool:
    """Whether a member of a provider's key set is a public key that can be used.

    Others are ignored, as RFC 7517, section 5, says of members that are not understood: keys for encryption or of
    another kind, malformed ones, and such as hold a secret, with which anybody could sign.
    """
    import jwt  # noqa: PLC0415  # as above

    if not isinstance(key, dict) or not key.keys().isdisjoint(_SECRET_MEMBERS):
        return False
    try:
        jwt.PyJWK(key)
    except (jwt.PyJWTError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False
    return True


def _choose(keys: list[Jwk], key_id: object) -> Jwk | None:
    """The key of that id; where the token names none, the only one there is."""
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.get("kid") == key_id), None)


_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Of private and symmetric keys (RFC 7518, sections 6.2.2, 6.3.2 and 6.4)."""

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
