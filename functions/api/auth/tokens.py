"""Verification of tokens of an OpenID Connect provider: signature, audience and expiry.

The URL of the public keys comes from the discovery document (OpenID Connect Discovery 1.0, section 4). Keys are cached
for five minutes. While the provider does not respond, cached keys are used for up to one hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import urllib3

from api.auth.token_claims import require_access_token, require_id_token
from resma.errors import IdentityProviderUnavailableError
from resma.request_errors import CredentialsInvalidError

Jwk = dict[str, Any]
"""JSON Web Key (RFC 7517)."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signature algorithms that are accepted. Symmetric ones are not, because a verifier could also sign with the key."""

LEEWAY_SECONDS = 30
"""Maximum difference between the clocks of the provider and this machine, in seconds."""

FRESH_SECONDS, STALE_SECONDS = 300, 3600
PAUSE_SECONDS = 15
"""Minimum seconds between two requests to the provider, so that tokens with unknown keys do not cause load there."""

_TIMEOUT = urllib3.Timeout(total=3)
_MAX_BYTES = 1024 * 1024
_SERVER_ERRORS = 500


@dataclass
class Provider:
    """OpenID Connect provider. One instance is used for the life of a process."""

    issuer: str
    audiences: tuple[str, ...]
    """Audiences of which `aud` must have one. In an access token without `aud` (`token_use: access`), `client_id` must
    be one of them."""
    allow_http: bool = False
    """Whether `http://` URLs are allowed, for a provider on a developer's machine."""
    _keys: list[Jwk] = field(default_factory=list, init=False)
    _keys_since: float = field(default=0.0, init=False)
    _requested_at: float | None = field(default=None, init=False)
    _discovery: dict[str, Any] | None = field(default=None, init=False)
    _discovery_since: float = field(default=0.0, init=False)

    def verify(self, token: str) -> dict[str, Any]:
        """Returns the claims of a valid token. They include `sub` and `exp`.

        Raises CredentialsInvalidError with the reason, and IdentityProviderUnavailableError if the keys cannot be read.
        """
        with _reject_unusable("token"):
            header, claims = self._decode(token)
            require_access_token(header, claims)
            self._require_audience(claims)
        return claims

    def verify_id_token(self, token: str, client_id: str, nonce: str | None) -> dict[str, Any]:
        """Returns the claims of a valid ID token of a client (OpenID Connect Core 1.0, section 3.1.3.7).

        `nonce` is that of the sign-in request; None for an ID token of a refresh response (section 12.2). Raises
        CredentialsInvalidError with the reason, and IdentityProviderUnavailableError if the keys cannot be read.
        """
        with _reject_unusable("ID token"):
            _, claims = self._decode(token)
            require_id_token(claims, client_id, nonce)
        return claims

    def _decode(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns header and claims of a token with a valid signature, issuer and expiry. Raises jwt.PyJWTError."""
        import jwt  # noqa: PLC0415  # cryptography is slow to import, and API keys do not need it

        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise CredentialsInvalidError(
                f"The signature algorithm of the token is not accepted. Use one of {', '.join(ALGORITHMS)}."
            )
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(self._find_key(header.get("kid"), algorithm), algorithm),
            algorithms=[algorithm],
            issuer=self.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "sub"], "verify_aud": False},
        )
        return header, claims

    def _require_audience(self, claims: dict[str, Any]) -> None:
        """Raises InvalidAudienceError or MissingRequiredClaimError for a token with another audience.

        Access tokens of Amazon Cognito have no `aud`. They have the id of the client that they were issued to.
        """
        import jwt  # noqa: PLC0415  # slow to import; see `_decode`

        if "aud" not in claims and claims.get("token_use") == "access":
            if claims.get("client_id") not in self.audiences:
                raise jwt.InvalidAudienceError
            return
        audience = claims.get("aud")
        if audience is None:
            raise jwt.MissingRequiredClaimError("aud")
        names = audience if isinstance(audience, list) else [audience]
        if not any(name in self.audiences for name in names):
            raise jwt.InvalidAudienceError

    def _find_key(self, key_id: object, algorithm: str) -> Jwk:
        if (key := _choose(self._known_keys(), key_id)) is None and self._may_request():
            key = _choose(self._fetch_keys(), key_id)  # the provider may have a new key
        if key is None:
            raise CredentialsInvalidError("The token is signed with a key that its issuer does not publish.")
        if key.get("alg") not in {None, algorithm} or key.get("use") not in {None, "sig"}:
            raise CredentialsInvalidError(
                "The token is signed with a key that is not for signatures of this algorithm."
            )
        return key

    def _known_keys(self) -> list[Jwk]:
        age = monotonic() - self._keys_since
        is_usable = bool(self._keys) and age < STALE_SECONDS
        if is_usable and (age < FRESH_SECONDS or not self._may_request()):
            return self._keys
        if not self._may_request():  # otherwise every forged token would cause a request to the provider
            raise IdentityProviderUnavailableError("The provider had no keys at the last request, seconds ago.")
        try:
            return self._fetch_keys()
        except IdentityProviderUnavailableError:
            if is_usable:
                return self._keys
            raise

    def _may_request(self) -> bool:
        return self._requested_at is None or monotonic() - self._requested_at > PAUSE_SECONDS

    def _fetch_keys(self) -> list[Jwk]:
        self._requested_at = monotonic()
        discovery = self._discover()
        key_set = self._fetch(str(discovery.get("jwks_uri"))).get("keys")
        keys = [key for key in key_set if is_public_key(key)] if isinstance(key_set, list) else []
        if not keys:
            raise IdentityProviderUnavailableError("The provider publishes no public keys that can be used.")
        self._keys, self._keys_since = keys, self._requested_at
        return keys

    def endpoint(self, name: str) -> str:
        """Returns the URL of an endpoint, such as `token_endpoint`. Raises IdentityProviderUnavailableError."""
        if (url := self.optional_endpoint(name)) is None:
            raise IdentityProviderUnavailableError(f"The provider has no usable URL for `{name}`.")
        return url

    def optional_endpoint(self, name: str) -> str | None:
        """Returns the URL of an endpoint that not every provider has, such as `end_session_endpoint`, or None.

        Raises IdentityProviderUnavailableError.
        """
        url = self._described().get(name)
        return url if isinstance(url, str) and self._may_reach(url) else None

    def sends_issuer(self) -> bool:
        """Whether the provider adds `iss` to its authorization responses (RFC 9207).

        Raises IdentityProviderUnavailableError.
        """
        return self._described().get("authorization_response_iss_parameter_supported") is True

    def _described(self) -> dict[str, Any]:
        if self._discovery is None or monotonic() - self._discovery_since > FRESH_SECONDS:
            return self._discover()
        return self._discovery

    def post(self, url: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Posts a form to an endpoint of the provider. Returns the status and the JSON object of the response.

        The object is empty if the response has no body, as after a revocation (RFC 7009, section 2.2).
        Raises IdentityProviderUnavailableError if there is no such response.
        """
        try:
            with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as http:
                answer = http.request(
                    "POST", url, fields=dict(form), encode_multipart=False, redirect=False, preload_content=False
                )
                body = json.loads(answer.read(_MAX_BYTES) or b"{}")
        except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
            raise IdentityProviderUnavailableError(f"The provider does not respond: {type(error).__name__}.") from error
        if not isinstance(body, dict) or answer.status >= _SERVER_ERRORS:
            raise IdentityProviderUnavailableError(f"The provider responded with {answer.status} and no JSON object.")
        return answer.status, body

    def _discover(self) -> dict[str, Any]:
        discovery = self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if discovery.get("issuer") != self.issuer:
            raise IdentityProviderUnavailableError(
                "The issuer in the provider's discovery document is not `OidcIssuer`."
            )
        self._discovery, self._discovery_since = discovery, monotonic()
        return discovery

    def _may_reach(self, url: str) -> bool:
        return url.startswith(("https://", "http://") if self.allow_http else "https://")

    def _fetch(self, url: str) -> dict[str, Any]:
        if not self._may_reach(url):
            raise IdentityProviderUnavailableError("The URLs of the provider must begin with https://.")
        try:
            with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as http:
                answer = http.request("GET", url, redirect=False, preload_content=False)
                body = answer.read(_MAX_BYTES)
            content = json.loads(body) if answer.status == 200 else None
        except (
            urllib3.exceptions.HTTPError,
            ValueError,
            RecursionError,
        ) as error:  # RecursionError: deeply nested JSON
            raise IdentityProviderUnavailableError(f"The provider does not respond: {type(error).__name__}.") from error
        if not isinstance(content, dict):
            raise IdentityProviderUnavailableError(f"The provider responded with {answer.status} and no JSON object.")
        return content


@contextmanager
def _reject_unusable(kind: str) -> Iterator[None]:
    """Raises CredentialsInvalidError with the reason for each jwt.PyJWTError of the block."""
    import jwt  # noqa: PLC0415  # slow to import; see `Provider._decode`

    try:
        yield
    except jwt.PyJWTError as error:
        # Only the class of the error is used, because its message may contain the token.
        raise CredentialsInvalidError(
            f"The {kind} cannot be used. {_REASONS.get(type(error).__name__, _OTHER_REASON)}"
        ) from None


def is_public_key(key: object) -> bool:
    """Whether an entry of a provider's key set is a public key that can be used.

    Other entries are ignored, as RFC 7517, section 5, requires for keys that are not understood: keys for encryption or
    of another type, malformed keys, and private or symmetric keys, with which anybody could sign.
    """
    import jwt  # noqa: PLC0415  # slow to import; see `Provider._decode`

    if not isinstance(key, dict) or not key.keys().isdisjoint(_SECRET_PARAMETERS):
        return False
    try:
        jwt.PyJWK(key)
    except (jwt.PyJWTError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False
    return True


def _choose(keys: list[Jwk], key_id: object) -> Jwk | None:
    """Returns the key with this id. If the token has no key id, returns the only key, or None if there are several."""
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.get("kid") == key_id), None)


_SECRET_PARAMETERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Parameters of private and symmetric keys (RFC 7518, sections 6.2.2, 6.3.2 and 6.4)."""

_OTHER_REASON = "It is malformed."
_REASONS = {
    "ExpiredSignatureError": "It has expired. Get a new one.",
    "InvalidSignatureError": "Its signature is not valid.",
    "InvalidAudienceError": "It has another audience.",
    "InvalidIssuerError": "It is from another issuer.",
    "ImmatureSignatureError": "It is not valid yet.",
    "InvalidIssuedAtError": "It was issued in the future.",
    "MissingRequiredClaimError": "It must have the claims `exp`, `iss`, `aud` and `sub`.",
    "InvalidSubjectError": "Its claim `sub` must be a string.",
}
