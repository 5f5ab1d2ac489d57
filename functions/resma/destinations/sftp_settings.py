"""Settings of destinations of the kind SFTP: a folder of an SSH server."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from resma.destinations.paths import DEFAULT_PATTERN, MAX_PATTERN, PATTERN_SCHEMA, pattern_errors
from resma.destinations.settings import DestinationRules, DestinationSettings
from resma.network.hosts import HostNotAllowedError, require_host
from resma.request_errors import FieldError

MAX_HOST_KEYS = 8
"""Maximum number of host keys: the present and the next one, of up to four types."""

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
"""Form in which `ssh-keygen -l` prints a fingerprint: base64 of 32 bytes without padding."""
_PUBLIC_KEY = re.compile(r"(ssh-[a-z0-9-]+|ecdsa-sha2-nistp[0-9]+) ([A-Za-z0-9+/]+={0,2})( [ -~]*)?")
KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")

_HostKey = Annotated[str, StringConstraints(min_length=50, max_length=2000)]


class SftpSettings(DestinationSettings):
    """A folder of an SSH server, and the user that writes to it."""

    model_config = ConfigDict(
        title="SftpDestinationSettings",
        json_schema_extra={
            "examples": [
                {
                    "host": "sftp.example.com",
                    "user": "north-bank",
                    "secretName": "partner-sftp",
                    "hostKeys": ["SHA256:uNiVztksCsDhcc0u9e8BrW8hHdG6Q4pS7vEfXb2yPaU"],
                    "directory": "/incoming",
                    "path": "{type}/{date}/{file}",
                }
            ]
        },
    )

    host: str = Field(
        min_length=1,
        max_length=253,
        pattern=r"^[A-Za-z0-9._:-]+$",
        description="Full name of the server, or its public IP address.",
    )
    port: int = Field(default=22, ge=1, le=65535, strict=True, description="Port of the server.")
    user: str = Field(
        min_length=1, max_length=128, pattern=r"^[!-~]+$", description="Name of the user at the server, in ASCII."
    )
    secret_name: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Last part of the name of a secret with `privateKey` (and `passphrase`) or `password`, which the "
        "operator of this deployment has stored for your tenant.",
    )
    host_keys: list[_HostKey] = Field(
        min_length=1,
        max_length=MAX_HOST_KEYS,
        description="Host keys that the server may have: SHA-256 fingerprints as `ssh-keygen -l` prints them, or "
        "public keys as `ssh-keyscan` prints them, without the host. List the next one before the server changes it.",
    )
    directory: str = Field(
        default="",
        max_length=500,
        json_schema_extra={"pattern": r"^/?([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$"},
        description="Folder that exists at the server. Without a leading slash it is relative to the folder "
        "in which the user begins. Empty: that folder.",
    )
    path: str = Field(
        default=DEFAULT_PATTERN,
        min_length=6,
        max_length=MAX_PATTERN,
        json_schema_extra={"pattern": PATTERN_SCHEMA},
        description="Pattern of the names of files in `directory`; folders of the pattern are created. The "
        "placeholders are `{type}`, `{date}`, `{year}`, `{month}`, `{day}` (the day of the data), `{report}` (its id) "
        "and, at the end, `{file}`.",
    )

    @field_validator("host")
    @classmethod
    def _in_lower_case(cls, value: str) -> str:
        return value.lower().removesuffix(".")

    @field_validator("path")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        if details := list(pattern_errors(value)):
            raise ValueError(" ".join(details))
        return value

    @field_validator("directory")
    @classmethod
    def _is_directory(cls, value: str) -> str:
        trimmed = value if value == "/" else value.removesuffix("/")
        parts = trimmed.removeprefix("/").split("/") if trimmed not in {"", "/"} else []
        if not all(re.fullmatch(r"[A-Za-z0-9._-]+", part) and part not in {".", ".."} for part in parts):
            raise ValueError(
                "It must consist of ASCII letters, digits, `.`, `_`, `-` and `/`, without empty parts, `.` and `..`."
            )
        return trimmed

    @field_validator("host_keys")
    @classmethod
    def _are_host_keys(cls, value: list[str]) -> list[str]:
        keys = [" ".join(key.split()[:2]) for key in value]
        wrong = [key[:40] for key in keys if not _is_host_key(key)]
        if wrong:
            raise ValueError(
                f"Not a host key: {', '.join(map(repr, wrong))}. Use `SHA256:` and the fingerprint that "
                f"`ssh-keygen -l` prints, or a public key of the type {', '.join(KEY_TYPES)}."
            )
        return list(dict.fromkeys(keys))

    def errors(self, rules: DestinationRules) -> Iterator[FieldError]:
        """Yields errors of hosts and ports that are not allowed."""
        try:
            require_host(self.host, rules.hosts)
        except HostNotAllowedError as error:
            yield FieldError("/host", str(error))
        if self.port != 22 and self.port < 1024 and not rules.hosts.opens_loopback:
            yield FieldError("/port", "It must be 22, or one from 1024 on.")

    @property
    def name_pattern(self) -> str:
        """Pattern of the names of files."""
        return self.path

    @property
    def url(self) -> str:
        """The folder as a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == 22 else f":{self.port}"
        return f"sftp://{self.user}@{host}{port}/{self.directory.removeprefix('/')}"


def _is_host_key(text: str) -> bool:
    if _FINGERPRINT.fullmatch(text):
        return True
    match = _PUBLIC_KEY.fullmatch(text)
    if match is None or match[1] not in KEY_TYPES:
        return False
    try:
        content = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        return False
    # A public key begins with its type as a string (RFC 4253, section 6.6).
    return content.startswith(len(match[1]).to_bytes(4, "big") + match[1].encode())
