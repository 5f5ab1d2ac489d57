"""An OpenID Connect provider on loopback that tests can make misbehave, which a real one (tests/oidc) cannot.

It implements what the API needs: discovery, keys, the authorization code flow with PKCE (RFC 7636), refresh tokens that
are valid once, and revocation.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "resma-console"
AUDIENCE = "https://reports.example/api"


class IdentityProvider:
    """The provider's server.

    `claims` are those of the user's access tokens, and `id_claims` change those of ID tokens (None omits a claim).
    `described` changes the discovery document. `refresh_token_length` is 0 for a provider without refresh tokens.
    """

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.id_claims: dict[str, Any] = {}
        self.described: dict[str, Any] = {}
        self.refresh_token_length = 43
        self.sends_id_token = True
        self.refresh_tokens: set[str] = set()
        """Refresh tokens that are valid."""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def documents(self) -> dict[str, Any]:
        """Returns the public documents by path."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        described = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "revocation_endpoint": f"{self.url}/revoke",
            "end_session_endpoint": f"{self.url}/sign-out",
            **self.described,
        }
        return {"/.well-known/openid-configuration": described, "/keys": {"keys": [{**key, "kid": "one"}]}}

    def authorize(self, query: dict[str, str]) -> str:
        """Returns the URL to which the user is redirected, with a code for this request."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        answer = {"state": query["state"]}
        code = secrets.token_urlsafe()
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({**answer, 'code': code})}"

    def exchange(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Returns the status and the tokens for a code or a refresh token. Each can be used once, by its client."""
        if form.get("grant_type") == "refresh_token":
            token = form.get("refresh_token", "")
            if form.get("client_id") != CLIENT_ID or token not in self.refresh_tokens:
                return 400, {"error": "invalid_grant"}
            self.refresh_tokens.remove(token)
            return 200, self._tokens({})
        authorized = self._codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        expected = {
            "client_id": CLIENT_ID,
            "redirect_uri": authorized and authorized["redirect_uri"],
            "grant_type": "authorization_code",
        }
        if (
            authorized is None
            or base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != authorized["code_challenge"]
            or any(form.get(name) != value for name, value in expected.items())
        ):
            return 400, {"error": "invalid_grant"}
        return 200, self._tokens({"nonce": authorized.get("nonce")})

    def revoke(self, form: dict[str, str]) -> None:
        """Revokes a refresh token (RFC 7009)."""
        self.refresh_tokens.discard(form["token"])

    def sign(self, claims: dict[str, Any], token_type: str) -> str:
        """Returns a signed token of the user. None omits a claim."""
        said = {"iss": self.url, "sub": "maria", "exp": int(time.time()) + 300, **claims}
        present = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(present, self._key, "RS256", headers={"kid": "one", "typ": token_type})

    def _tokens(self, id_claims: dict[str, Any]) -> dict[str, Any]:
        tokens: dict[str, Any] = {"token_type": "Bearer", "expires_in": 300}
        tokens["access_token"] = self.sign({"aud": AUDIENCE, "tenant_id": "demo", **self.claims}, "at+jwt")
        if self.sends_id_token:
            tokens["id_token"] = self.sign({"aud": CLIENT_ID, **id_claims, **self.id_claims}, "JWT")
        if self.refresh_token_length:
            tokens["refresh_token"] = secrets.token_hex(self.refresh_token_length)[: self.refresh_token_length]
            self.refresh_tokens.add(tokens["refresh_token"])
        return tokens


def _handler_for(provider: IdentityProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.end_headers()
                return
            document = provider.documents().get(url.path)
            self._answer(404 if document is None else 200, document or {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
            form = {name: values[0] for name, values in parse_qs(body).items()}
            if self.path == "/revoke":
                provider.revoke(form)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            assert self.path == "/token"
            self._answer(*provider.exchange(form))

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Suppresses the log line of each request."""

    return Handler
