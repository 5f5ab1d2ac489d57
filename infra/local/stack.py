"""Starts and stops the embedded stack. A state file describes the running stack."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg

from infra.demo.load_demo_bank import migrate_with_bank
from infra.deploy.cloudformation import AwsEndpoint
from infra.deploy.organization import TENANT
from infra.deploy.source import SourceDatabase
from infra.deploy.system import DeploymentEnvironment, DeploymentOptions, ObjectStore, deploy_system
from infra.errors import StackError
from infra.paths import STATE
from infra.postgres.migrate import migrate
from infra.servers.localstack import LocalStackServer
from infra.servers.ports import free_port, require_free
from infra.servers.postgres import PostgresServer
from infra.servers.processes import ProcessId, end_process, uninterrupted
from infra.servers.watchdog import Guard
from resma.catalog import DEMO_CATALOG
from resma.catalog.folder import CATALOG_VARIABLE
from resma.webhooks.signing_secrets import CALLBACK, derive_secret

FRONT_DOOR_PORT = 3008

LOCAL_EMAIL = {
    "EmailTransport": "SES",
    "EmailSender": "reports@resma.example",
    "EmailIdentity": "reports@resma.example",
}
"""Parameters for e-mail: LocalStack's SES sends nothing, and shows the messages at /_aws/ses."""


@dataclass(frozen=True)
class Options:
    """Options of a stack. Tests use them to put proxies that inject errors in front of its parts."""

    front_door_port: int | None = FRONT_DOOR_PORT
    """Port of the API; None chooses a free one."""
    database_port: Callable[[int], int] = lambda port: port
    """Takes the database's port and returns the port that functions connect to."""
    source_port: Callable[[int], int] | None = None
    """Does so for the source database only. With None, functions use one port for both databases."""
    function_environment: Callable[[str], Mapping[str, str]] = lambda _url: {}
    """Takes LocalStack's URL and returns environment variables that are added to every function."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Parameters of the template, which override those of the stage."""
    object_store: ObjectStore | None = None
    """An object store that is used instead of LocalStack's."""
    source: SourceDatabase | None = None
    """The database that reports read; with None, it is the embedded one."""
    catalog: Path = DEMO_CATALOG
    """Folder of the report types."""
    smtp_url: str | None = None
    """URL of a mail server without login and TLS, such as `smtp://localhost:1025`, instead of LocalStack's SES."""


@dataclass(frozen=True)
class Running:
    """A running stack, as its state file describes it."""

    api_url: str
    aws_url: str
    database_url: str
    webhook_secret: str
    """The deployment's master secret. The secrets of endpoints are derived from it."""
    outputs: dict[str, str]
    localstack: ProcessId
    postgres_port: int
    catalog: str
    """Folder of the report types, which the functions read when it changes."""
    source_url: str | None = None
    """URL of the source database with its password; None if it is the embedded one."""
    smtp_url: str | None = None
    """URL of the mail server; None if LocalStack's SES takes the messages."""

    @property
    def callback_secret(self) -> str:
        """The secret that signs callbacks of the demo tenant, until it is rotated."""
        key = base64.b64decode(self.webhook_secret.removeprefix("whsec_"))
        return derive_secret(key, TENANT, CALLBACK, 1)


class Stack:
    """A stack with a name. Its state is in `.resma/<name>`. Several stacks can run at once.

    As a context manager it starts on entry and stops on exit, even if this process is killed in between.
    """

    def __init__(self, name: str, options: Options | None = None, tell: Callable[[str], None] = print) -> None:
        self.folder = STATE / name
        self._options = options or Options()
        self._tell = tell
        self.running: Running | None = None
        self._guard: Guard | None = None

    def __enter__(self) -> Self:
        self._guard = Guard(self.folder)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        if self._guard is not None:
            self._guard.dismiss()

    @property
    def up(self) -> Running:
        """The running stack. Raises StackError if it is not running."""
        if self.running is None:
            raise StackError("The stack is not running. Start it with `make up`.")
        return self.running

    @property
    def endpoint(self) -> AwsEndpoint:
        """The endpoint of the stack's AWS services."""
        return AwsEndpoint(self.up.aws_url)

    def find(self) -> Running | None:
        """Returns the stack that another process started under this name, or None if it is not running."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            state = json.loads(self._state_file.read_text(encoding="utf-8"))
            running = Running(**{**state, "localstack": ProcessId(**state["localstack"])})
            if running.localstack.is_alive() and self.postgres(running.postgres_port).is_running():
                self.running = running
                return running
        return None

    def start(self) -> Running:
        """Starts all servers and deploys. Raises StackError; then call `stop` to stop the servers that were started."""
        self.stop()  # processes of a killed run may still use the port
        shutil.rmtree(self.folder / "logs", ignore_errors=True)  # of earlier functions
        front_door = self._options.front_door_port
        port = free_port() if front_door is None else require_free(front_door, "PORT")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        postgres = self._start_postgres()
        localstack, process = self._start_localstack(port)
        with self._step("deploying template.yaml through CloudFormation"):
            webhook_secret = self._webhook_secret()
            outputs = self._deploy(AwsEndpoint(localstack.url), postgres, webhook_secret, port)
        self.running = Running(
            api_url=f"http://localhost:{port}",
            aws_url=localstack.url,
            database_url=postgres.url,
            webhook_secret=webhook_secret,
            outputs=outputs,
            localstack=process,
            postgres_port=postgres.port,
            catalog=str(self._options.catalog),
            source_url=self._options.source.url if self._options.source else None,
            smtp_url=self._options.smtp_url,
        )
        self._state_file.touch(mode=0o600)
        self._state_file.write_text(json.dumps(asdict(self.running), indent=1), encoding="utf-8")
        return self.running

    def _webhook_secret(self) -> str:
        """Returns the master secret. It lives as long as the database: secrets of endpoints are derived from it."""
        path = self.folder / "webhook-secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(), encoding="utf-8")
        return path.read_text(encoding="utf-8")

    def stop(self) -> None:
        """Stops every process of this stack, including those of earlier runs. The database's data are kept."""
        with uninterrupted():
            with contextlib.suppress(OSError, ValueError, TypeError):
                end_process(ProcessId(**json.loads(self._process_file.read_text(encoding="utf-8"))))
            for path in self._function_files():
                with contextlib.suppress(OSError, ValueError):
                    end_process(ProcessId(int(path.suffix[1:]), float(path.read_text(encoding="utf-8"))))
                path.unlink(missing_ok=True)
            self.postgres(0).stop()
            self._state_file.unlink(missing_ok=True)
            self._process_file.unlink(missing_ok=True)
            # LocalStack's state is lost with its process. Logs of functions are kept.
            shutil.rmtree(self.folder / "localstack", ignore_errors=True)
            self.running = None

    def postgres(self, port: int | None = None) -> PostgresServer:
        """Returns the stack's database server, so that tests can stop and start it."""
        return PostgresServer(self.folder / "postgres", self.up.postgres_port if port is None else port)

    def function_processes(self, function_name: str) -> list[int]:
        """Returns the process ids of a function's execution environments."""
        return [int(path.suffix[1:]) for path in self._function_files() if path.stem == function_name]

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.json"

    @property
    def _process_file(self) -> Path:
        return self.folder / "localstack.json"

    def _function_files(self) -> list[Path]:
        return [path for path in (self.folder / "functions").glob("*.*") if path.suffix[1:].isdigit()]

    @contextlib.contextmanager
    def _step(self, what: str) -> Any:
        started = time.monotonic()
        yield
        self._tell(f"{what}: {time.monotonic() - started:.1f} s")

    def _start_postgres(self) -> PostgresServer:
        with self._step("starting Postgres and applying migrations"):
            postgres = PostgresServer(self.folder / "postgres", free_port())
            postgres.start()
            if self._options.source is None:
                migrate_with_bank(postgres.url)
            else:
                migrate(postgres.url)
            _delete_reports(postgres.url)
        return postgres

    def _start_localstack(self, front_door_port: int) -> tuple[LocalStackServer, ProcessId]:
        with self._step("starting LocalStack"):
            port = free_port()
            environment = {
                CATALOG_VARIABLE: str(self._options.catalog),
                **self._options.function_environment(f"http://127.0.0.1:{port}"),
            }
            localstack = LocalStackServer(self.folder / "localstack", port, front_door_port, environment)
            process = localstack.start(self._process_file)
        return localstack, process

    def _deploy(
        self, endpoint: AwsEndpoint, postgres: PostgresServer, webhook_secret: str, port: int
    ) -> dict[str, str]:
        environment = DeploymentEnvironment(
            aws=endpoint,
            database_url=postgres.url,
            database_host="127.0.0.1",
            database_port=self._options.database_port(postgres.port),
            source_port=self._options.source_port(postgres.port) if self._options.source_port else None,
            webhook_secret=webhook_secret,
            public_base_url=f"http://localhost:{port}",
            object_store=self._options.object_store,
            source=self._options.source,
        )
        smtp = smtp_parameters(self._options.smtp_url) if self._options.smtp_url else {}
        parameters = {**LOCAL_EMAIL, **smtp, **self._options.parameters}
        if parameters["EmailTransport"] == "SES":
            endpoint.client("ses").verify_email_identity(EmailAddress=parameters["EmailSender"])
        options = DeploymentOptions(parameters=parameters, catalog=self._options.catalog)
        return deploy_system(environment, options)


def smtp_parameters(url: str) -> dict[str, str]:
    """Returns the parameters of the template for a mail server. Raises StackError if the URL is not one of these."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or 25
    except ValueError:
        host, port = None, 0
    if parts.scheme != "smtp" or not host or parts.path not in {"", "/"} or parts.username is not None:
        raise StackError(
            f"'{parts.scheme}://{host}' is not the URL of a mail server without a login. Use a form such as "
            "smtp://localhost:1025."
        )
    return {"EmailTransport": "SMTP", "EmailSmtpHost": host, "EmailSmtpPort": str(port), "EmailSmtpTls": "NONE"}


def _delete_reports(database_url: str) -> None:
    """Deletes the rows of earlier reports, because their messages and files were lost with LocalStack's process."""
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM resma.reports")
