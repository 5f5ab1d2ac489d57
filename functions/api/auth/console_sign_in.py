"""Signing in to the console at an OpenID Connect provider: authorization code flow with PKCE, renewal and sign-out.

OpenID Connect Core 1.0, section 3.1; RFC 7636, with the method S256; RFC 9207. The page makes state, nonce, verifier
and renewal key; the API exchanges the code, so that the page's policy lets it connect to nothing but its own origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from pydantic import Field

from api.auth.renewal import seal, unseal
from api.auth.tokens import Provider
from resma.errors import IdentityProviderUnavailableError
from resma.json_models import RequestModel, ViewModel
from resma.request_errors import CredentialsInvalidError
from resma.string_patterns import NO_NUL

logger = Logger(child=True)

_Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=NO_NUL)]
_Random = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""256 random bits in base64url."""


class SignInView(ViewModel):
    """Where the page sends the user to sign in and out. All properties are null if there is no provider."""

    authorization_endpoint: str | None = Field(default=None, description="URL of the provider's sign-in page.")
    end_session_endpoint: str | None = Field(
        default=None, description="URL of the provider's sign-out page; null if it has none."
    )
    client_id: str | None = Field(default=None, description="Id of the console's public client at the provider.")
    scope: str | None = Field(default=None, description="Scopes to request from the provider, separated by spaces.")
    audience: str | None = Field(default=None, description="Audience to request; null if the provider needs none.")


class RenewalRequest(RequestModel):
    """Body of `POST /console/token/renewal` and `POST /console/token/revocation`."""

    renewal_key: _Random = Field(description="Key that the page made at sign-in: 256 random bits in base64url.")


class CodeRequest(RenewalRequest):
    """Body of `POST /console/token`: what the provider sent to the page, and what the page made for this sign-in."""

    code: _Text = Field(description="Authorization code that the provider sent to the page.")
    issuer: _Text | None = Field(default=None, description="Parameter `iss` that the provider sent (RFC 9207).")
    code_verifier: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")] = Field(
        description="Code verifier of the page (RFC 7636, section 4.1)."
    )
    nonce: _Random = Field(description="Nonce of the sign-in request, which the ID token must have.")
    redirect_uri: _Text = Field(description="URL of the page to which the provider sent the code.")


class TokenView(ViewModel):
    """Access token that the page sends with its requests."""

    access_token: str = Field(description="Access token of the provider, for the header `Authorization`.")


@dataclass(frozen=True)
class Session:
    """A session that was started or renewed."""

    token: TokenView
    cookie: str | None
    """Sealed refresh token. None: the provider issued none, so that the previous one, if any, remains valid."""


@dataclass(frozen=True)
class ConsoleSignIn:
    """Sign-in of console users. `provider` is None if tokens are not accepted."""

    provider: Provider | None
    client_id: str | None
    """Id of a public client at the provider. It has no secret."""
    scope: str
    audience: str | None
    """For providers that issue an access token for an API only if it is named (Auth0)."""

    def describe(self) -> SignInView:
        """Returns where to sign in. All fields are None while the provider does not respond: API keys still work."""
        if self.provider is None or self.client_id is None:
            return SignInView()
        try:
            endpoint = self.provider.endpoint("authorization_endpoint")
            end_session = self.provider.optional_endpoint("end_session_endpoint")
        except IdentityProviderUnavailableError as error:
            logger.warning("the identity provider could not be reached", detail=str(error))
            return SignInView()
        return SignInView(
            authorization_endpoint=endpoint,
            end_session_endpoint=end_session,
            client_id=self.client_id,
            scope=self.scope,
            audience=self.audience,
        )

    def exchange(self, request: CodeRequest) -> Session:
        """Returns the session for a code. The code works once: a second call is rejected by the provider.

        Raises CredentialsInvalidError if the provider rejects the code, the response is of another provider, or the ID
        token is not valid; and IdentityProviderUnavailableError.
        """
        provider, client_id = self._configured()
        # Mix-up attack: the code of another provider must not be sent to this one (RFC 9207, section 2.4).
        if request.issuer != provider.issuer and (request.issuer is not None or provider.sends_issuer()):
            raise CredentialsInvalidError("The response is not from the identity provider. Sign in again.")
        answer = self._request_tokens(
            {
                "grant_type": "authorization_code",
                "code": request.code,
                "code_verifier": request.code_verifier,
                "redirect_uri": request.redirect_uri,
            },
        )
        if not isinstance(id_token := answer.get("id_token"), str):
            raise CredentialsInvalidError("The identity provider issued no ID token. Sign in again.")
        provider.verify_id_token(id_token, client_id, request.nonce)
        return self._session_of(answer, request.renewal_key, client_id)

    def renew(self, request: RenewalRequest, cookie: str | None) -> Session:
        """Returns a new access token for the sealed refresh token of a session.

        Raises CredentialsInvalidError if the cookie is missing or was sealed with another key, or the provider rejects
        the refresh token; and IdentityProviderUnavailableError.
        """
        provider, client_id = self._configured()
        if cookie is None:
            raise CredentialsInvalidError("The session cannot be renewed. Sign in again.")
        refresh_token = unseal(cookie, request.renewal_key, client_id)
        answer = self._request_tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})
        if isinstance(id_token := answer.get("id_token"), str):
            provider.verify_id_token(id_token, client_id, None)
        return self._session_of(answer, request.renewal_key, client_id)

    def revoke(self, request: RenewalRequest, cookie: str | None) -> None:
        """Revokes the refresh token of a session at the provider (RFC 7009). Safe to call twice.

        If the provider cannot be reached, nothing else happens: the key of the cookie is deleted with the session.
        """
        if self.provider is None or self.client_id is None or cookie is None:
            return
        try:
            refresh_token = unseal(cookie, request.renewal_key, self.client_id)
            if endpoint := self.provider.optional_endpoint("revocation_endpoint"):
                form = {"token": refresh_token, "token_type_hint": "refresh_token", "client_id": self.client_id}
                self.provider.post(endpoint, form)
        except (CredentialsInvalidError, IdentityProviderUnavailableError) as error:
            logger.warning("a refresh token could not be revoked", detail=str(error))

    def _configured(self) -> tuple[Provider, str]:
        if self.provider is None or self.client_id is None:
            raise CredentialsInvalidError("There is no identity provider to sign in at. Use an API key.")
        return self.provider, self.client_id

    def _request_tokens(self, form: dict[str, str]) -> dict[str, Any]:
        provider, client_id = self._configured()
        status, answer = provider.post(provider.endpoint("token_endpoint"), {"client_id": client_id, **form})
        if status != 200 or not isinstance(answer.get("access_token"), str):
            logger.warning("a sign-in was rejected", status=status, error=str(answer.get("error"))[:100])
            raise CredentialsInvalidError("The identity provider rejected the sign-in. Sign in again.")
        return answer

    def _session_of(self, answer: dict[str, Any], key: str, client_id: str) -> Session:
        refresh_token = answer.get("refresh_token")
        sealed = seal(refresh_token, key, client_id) if isinstance(refresh_token, str) else None
        if isinstance(refresh_token, str) and sealed is None:
            logger.warning("a refresh token is too long for a cookie", characters=len(refresh_token))
        return Session(TokenView(access_token=answer["access_token"]), sealed)
