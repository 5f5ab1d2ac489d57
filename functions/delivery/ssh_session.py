"""Sessions at SSH servers: an allowed address, a pinned host key, and then a login. Bounded in time at each step.

paramiko's client class is not used, because it resolves host names itself, and reads keys and settings of the machine.
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import paramiko

from delivery.errors import (
    AccessDeniedError,
    DestinationUnavailableError,
    HostKeyError,
    HostRefusedError,
)
from resma.destinations.sftp_settings import KEY_TYPES, SftpSettings
from resma.network.connect import Deadline, Network, connect_to
from resma.network.hosts import HostNotAllowedError

CONNECT_SECONDS = 15.0
"""Maximum duration of resolving the name and connecting."""
HANDSHAKE_SECONDS = 20.0
"""Maximum duration of the key exchange, and of the login."""
ANSWER_SECONDS = 25.0
"""Maximum duration of waiting for a response, and of writing a piece of a file."""

# Errors of sessions are recorded with their attempt, and paramiko would log them with their stack traces.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

_ALGORITHMS_OF_TYPES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
"""Signature algorithms of a type of key, if they do not have the name of the type."""


class SftpSession:
    """An SFTP session at a server whose host key is one of the expected ones."""

    def __init__(self, settings: SftpSettings, secret: Mapping[str, Any], network: Network) -> None:
        """Connects and logs in. `secret` has `privateKey` (and `passphrase`) or `password`. Raises DeliveryError."""
        where = f"{settings.host}:{settings.port}"
        credentials = _read_credentials(secret)
        self._transport = paramiko.Transport(_connect(settings, network))
        try:
            self._transport.banner_timeout = HANDSHAKE_SECONDS
            self._transport.auth_timeout = HANDSHAKE_SECONDS
            _exchange_keys(self._transport, settings, where)
            _log_in(self._transport, settings, where, credentials)
            self.client = _open_client(self._transport, where)
        except BaseException:
            self._transport.close()
            raise

    def limited(self) -> AbstractContextManager[None]:
        """Ends the session if the block takes more than ANSWER_SECONDS. Then the operation in it raises an error."""
        return _limited(self._transport)

    def close(self) -> None:
        """Ends the session. Never raises."""
        self._transport.close()


@contextmanager
def _limited(transport: paramiko.Transport) -> Iterator[None]:
    """Closes the connection after ANSWER_SECONDS.

    paramiko waits without a limit for the response to some requests, and for room in the buffer of the socket.
    """
    timer = threading.Timer(ANSWER_SECONDS, transport.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connect(settings: SftpSettings, network: Network) -> socket.socket:
    try:
        return connect_to(settings.host, settings.port, network, Deadline.after(CONNECT_SECONDS))
    except HostNotAllowedError as error:
        raise HostRefusedError(f"Nothing was sent to '{settings.host}'. {error}") from error
    except TimeoutError as error:
        reason = str(error) or f"It was not connected within {CONNECT_SECONDS:.0f} s."
        raise DestinationUnavailableError(f"The server '{settings.host}' does not answer. {reason}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DestinationUnavailableError(
            f"No connection to '{settings.host}' at port {settings.port} ({reason}). It is tried again."
        ) from error


def _exchange_keys(transport: paramiko.Transport, settings: SftpSettings, where: str) -> None:
    """Exchanges keys, and compares the host key with the expected ones. Raises HostKeyError for another one."""
    types = {key.split()[0] for key in settings.host_keys}  # a fingerprint does not say its type
    if types <= set(KEY_TYPES):
        # A server has a key of each type, and shows one of those that the client accepts.
        options = transport.get_security_options()
        wanted = [name for type_ in types for name in _ALGORITHMS_OF_TYPES.get(type_, (type_,))]
        options.key_types = tuple(name for name in options.key_types if name in wanted)
    try:
        transport.start_client(timeout=HANDSHAKE_SECONDS)
        found = transport.get_remote_server_key()
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise HostKeyError(
            f"The server at {where} and Resma have no algorithm in common ({error}). If `hostKeys` lists public keys, "
            "the server must have a key of one of their types."
        ) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise DestinationUnavailableError(
            f"The server at {where} did not complete the key exchange ({_reason(error)}). It is tried again."
        ) from error
    shown = f"{found.get_name()} {found.get_base64()}"
    if found.fingerprint not in settings.host_keys and shown not in settings.host_keys:
        raise HostKeyError(
            f"The server at {where} has the host key {found.fingerprint} ({found.get_name()}), but the destination "
            f"expects {_list_fingerprints(settings.host_keys)}. No login was sent. Ask the recipient whether it has "
            "changed its key; if so, add it to `hostKeys`, and replay the delivery."
        )


def _list_fingerprints(host_keys: Iterable[str]) -> str:
    """Returns the fingerprints of expected keys, which may be public keys."""
    return " or ".join(key if key.startswith("SHA256:") else _fingerprint(*key.split()) for key in host_keys)


def _fingerprint(type_: str, content: str) -> str:
    """Returns the fingerprint of a public key as OpenSSH prints it."""
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(content)).digest()).decode().rstrip("=")
    return f"SHA256:{digest} ({type_})"


def _log_in(
    transport: paramiko.Transport, settings: SftpSettings, where: str, credentials: paramiko.PKey | str
) -> None:
    refused = f"The server at {where} refused the login of '{settings.user}'."
    try:
        if isinstance(credentials, paramiko.PKey):
            missing = transport.auth_publickey(settings.user, credentials)
        else:
            missing = transport.auth_password(settings.user, credentials)
    except paramiko.BadAuthenticationType as error:
        allowed = ", ".join(error.allowed_types)
        raise AccessDeniedError(f"{refused} It allows {allowed}. Store such a secret for the destination.") from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        # paramiko raises AuthenticationException also if the connection ends, or the server does not answer in time.
        is_answered = isinstance(error, paramiko.AuthenticationException) and "timeout" not in str(error).lower()
        if is_answered and transport.is_active():
            raise AccessDeniedError(
                f"{refused} Check the user, the secret of the destination, and what the server allows."
            ) from error
        raise DestinationUnavailableError(
            f"The server at {where} did not answer the login ({_reason(error)}). It is tried again."
        ) from error
    if missing:
        raise AccessDeniedError(f"{refused} It requires more than one secret: {', '.join(missing)}.")


def _open_client(transport: paramiko.Transport, where: str) -> paramiko.SFTPClient:
    try:
        channel = transport.open_session(timeout=ANSWER_SECONDS)
        channel.settimeout(ANSWER_SECONDS)
        with _limited(transport):
            channel.invoke_subsystem("sftp")
            return paramiko.SFTPClient(channel)
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise DestinationUnavailableError(
            f"The server at {where} does not open an SFTP session for this user ({_reason(error)}). It is tried again."
        ) from error


def _read_credentials(secret: Mapping[str, Any]) -> paramiko.PKey | str:
    """Returns the private key, or the password. Raises AccessDeniedError, which contains no part of the secret."""
    if text := secret.get("privateKey"):
        passphrase = secret.get("passphrase")
        for type_ in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
            try:
                return type_.from_private_key(io.StringIO(str(text)), password=passphrase and str(passphrase))
            except paramiko.PasswordRequiredException:
                raise AccessDeniedError("The private key is encrypted. Add its `passphrase` to the secret.") from None
            except (paramiko.SSHException, ValueError, IndexError, TypeError):
                continue
        raise AccessDeniedError(
            "The `privateKey` of the secret cannot be read. It must be an OpenSSH or PEM key of the type ed25519, "
            "ecdsa or rsa, with line breaks; if it is encrypted, check `passphrase`."
        )
    if password := secret.get("password"):
        return str(password)
    raise AccessDeniedError("The secret of the destination has neither `privateKey` nor `password`.")


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
