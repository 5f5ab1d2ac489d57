"""Runs the OpenID Connect provider of the tests, with people who can sign in without a password."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.servers.ports import free_port
from tests.oidc.install import PROVIDER

CLIENT_ID = "resma-console"
AUDIENCE = "https://reports.example/api"
GROUPS_CLAIM = "groups"
GROUP_SCOPES = "clerks=reports:read,reports:write;Report Admins=keys:manage"

_DEMO = {"tenant_id": "demo", "seconds": 300}
ACCOUNTS = {
    "maria": {**_DEMO, "name": "Maria Souza", "groups": ["clerks"]},
    "joao": {**_DEMO, "name": "João Lima", "groups": ["clerks", "Report Admins", "guests"]},
    "rui": {**_DEMO, "name": "Rui Costa", "groups": ["guests"]},
    "ana": {**_DEMO, "name": "Ana Reis"},
    "wei": {**_DEMO, "name": "Wei Chen", "_claim_names": {"groups": "src1"}},
    "olga": {**_DEMO, "name": "Olga Ivanova", "groups": ["clerks"], "tenant_id": "elsewhere"},
    "lena": {**_DEMO, "name": "Lena Vogel", "groups": ["clerks"], "seconds": 1},
}
"""Claims of people's access tokens. `seconds` is the lifetime of these tokens."""


@dataclass(frozen=True)
class ProviderAddress:
    """Where the provider runs, which the API must know before the provider can know the URL of the console."""

    port: int

    @property
    def issuer(self) -> str:
        """Value of `iss`."""
        return f"http://127.0.0.1:{self.port}"


def choose_address() -> ProviderAddress:
    """Returns an address that is free."""
    return ProviderAddress(free_port())


@contextmanager
def running_provider(address: ProviderAddress, console_url: str) -> Iterator[None]:
    """Runs the provider until the end of the block. Installs it if necessary."""
    PROVIDER.make_ready()
    settings = {
        "port": address.port,
        "clientId": CLIENT_ID,
        "redirectUris": [console_url],
        "audience": AUDIENCE,
        "accounts": ACCOUNTS,
    }
    with subprocess.Popen(
        PROVIDER.run, cwd=PROVIDER.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(settings))
        process.stdin.close()
        try:
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.terminate()
