"""Signing in to the console at an OpenID Connect provider: authorization code flow with PKCE.

RFC 6749, section 4.1; RFC 7636, with the method S256. The page makes state and verifier; the API exchanges the code, so
that the page's policy lets it connect to nothing but its own origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from aws_lambda_powertools import Logger
from pydantic import Field

from api.auth.tokens import Provider
from resma.errors import IdentityProviderUnavailableError
from resma.json_models import RequestModel, ViewModel
from resma.request_errors import CredentialsInvalidError
from resma.string_patterns import NO_NUL

logger = Logger(child=True)

_Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=NO_NUL)]


class SignInView(ViewModel):
    """Where the page sends the user to sign in. All properties are null if there is no provider."""

    authorization_endpoint: str | None = Field(default=None, description="URL of the provider's sign-in page.")
    client_id: str | None = Field(default=None, description="Id of the console's public client at the provider.")
    scope: str | None = Field(default=None, description="Scopes to request from the provider, separated by spaces.")
    audience: str | None = Field(default=None, description="Audience to request; null if the provider needs none.")


class CodeRequest(RequestModel):
    """Body of `POST /console/token`: the authorization code from the provider, and the verifier of the page."""

    code: _Text = Field(description="Authorization code that the provider sent to the page.")
    code_verifier: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")] = Field(
        description="Code verifier of the page (RFC 7636, section 4.1)."
    )
    redirect_uri: _Text = Field(description="URL of the page to which the provider sent the code.")


class TokenView(ViewModel):
    """Access token that the page sends with its requests."""

    access_token: str = Field(description="Access token of the provider, for the header `Authorization`.")


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
        except IdentityProviderUnavailableError as error:
            logger.warning("the identity provider could not be reached", detail=str(error))
            return SignInView()
        return SignInView(
            authorization_endpoint=endpoint, client_id=self.client_id, scope=self.scope, audience=self.audience
        )

    def exchange(self, request: CodeRequest) -> TokenView:
        """Returns the token for a code. The code works once: a second call is rejected by the provider.

        Raises CredentialsInvalidError if the provider rejects the code or does not exist, and
        IdentityProviderUnavailableError.
        """
        if self.provider is None or self.client_id is None:
            raise CredentialsInvalidError("There is no identity provider to sign in at. Use an API key.")
        status, answer = self.provider.post(
            self.provider.endpoint("token_endpoint"),
            {
                "grant_type": "authorization_code",
                "client_id": self.client_id,
                "code": request.code,
                "code_verifier": request.code_verifier,
                "redirect_uri": request.redirect_uri,
            },
        )
        token = answer.get("access_token")
        if status != 200 or not isinstance(token, str):
            logger.warning("a sign-in was rejected", status=status, error=str(answer.get("error"))[:100])
            raise CredentialsInvalidError("The identity provider rejected the sign-in. Sign in again.")
        return TokenView(access_token=token)
