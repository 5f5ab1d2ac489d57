"""A stack on ministack instead of LocalStack: the same Postgres, the same deployment code, another emulator of AWS."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import urllib3

from infra.deploy.cloudformation import AwsEndpoint, read_stage
from infra.deploy.system import DeploymentEnvironment, DeploymentOptions, deploy_system
from infra.errors import StackError
from infra.local.stack import Running, Stack
from infra.paths import PROJECT_PYTHON, STATE, TEMPLATE
from infra.servers.ports import free_port
from infra.servers.postgres import PostgresServer
from infra.servers.processes import ProcessId, last_lines, start_process, uninterrupted
from infra.template import read_template
from resma.catalog import DEMO_CATALOG
from tests.second_emulator.portable_template import API_ID, make_portable

PYTHON = STATE / "venv-second-emulator" / "bin" / "python"
RUN_MINISTACK = Path(__file__).with_name("run_ministack.py")
START_SECONDS = 90
STAGE = "local"


class MinistackStack(Stack):
    """A stack whose AWS services are ministack's. It is started and stopped as any other stack."""

    def __init__(self, name: str, tell: Callable[[str], None] = print) -> None:
        super().__init__(name, tell=tell)
        self.left_out: tuple[str, ...] = ()

    def start(self) -> Running:
        """Starts the servers and deploys. Raises StackError; `stop` then ends the servers that were started."""
        self.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        postgres = self._start_postgres()
        port = free_port()
        with self._step("starting ministack"):
            process = self._start_ministack(port)
        url = f"http://127.0.0.1:{port}"
        api_url = f"{url}/_aws/execute-api/{API_ID}/{STAGE}"
        secret = self._webhook_secret()
        with self._step("deploying template.yaml through CloudFormation"):
            outputs = self._deploy_portable(AwsEndpoint(url), postgres, secret, api_url)
        self.running = Running(api_url, url, postgres.url, secret, outputs, process, postgres.port, str(DEMO_CATALOG))
        return self.running

    def _start_ministack(self, port: int) -> ProcessId:
        if not PYTHON.exists():
            raise StackError(f"{PYTHON} does not exist. Run `make second-emulator`, which installs it.")
        folder, log = self.folder / "localstack", self.folder / "ministack.log"
        folder.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        with uninterrupted():  # a process that is started is also recorded
            process = start_process(
                [str(PYTHON), str(RUN_MINISTACK), str(PROJECT_PYTHON)],
                log=log,
                environment=_environment(port, folder),
                folder=folder,
            )
            self._process_file.write_text(json.dumps(asdict(process)), encoding="utf-8")
        _await_ready(f"http://127.0.0.1:{port}/_ministack/health", process, log)
        return process

    def _deploy_portable(
        self, endpoint: AwsEndpoint, postgres: PostgresServer, webhook_secret: str, api_url: str
    ) -> dict[str, str]:
        portable = make_portable(read_template(TEMPLATE), read_stage("local").parameters)
        self.left_out = portable.left_out
        template = self.folder / "template.json"
        template.write_text(json.dumps(portable.document), encoding="utf-8")
        environment = DeploymentEnvironment(
            aws=endpoint,
            database_url=postgres.url,
            database_host="127.0.0.1",
            database_port=postgres.port,
            webhook_secret=webhook_secret,
            public_base_url=api_url,
        )
        return deploy_system(environment, DeploymentOptions(template=template))


def _environment(port: int, folder: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        **inherited,
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _await_ready(url: str, process: ProcessId, log: Path) -> None:
    http = urllib3.PoolManager(retries=False, timeout=2)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not process.is_alive():
            raise StackError(f"ministack exited while it was starting:\n{last_lines(log)}")
        try:
            if http.request("GET", url).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.1)
    raise StackError(f"ministack was not ready within {START_SECONDS} s:\n{last_lines(log)}")
