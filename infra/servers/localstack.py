"""LocalStack as a process of this machine, with Resma's plug-in. All of its state is in one folder."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import urllib3

from infra.errors import StackError
from infra.paths import LOCALSTACK_PYTHON
from infra.servers.processes import ProcessId, last_lines, start_process, uninterrupted

PLUGIN = Path(__file__).parent / "localstack_plugin"
START_SECONDS = 300
"""Longest time that LocalStack may take to start: half a minute on a slow machine, minutes if all cores are busy."""
SERVICE_CATALOGS = LOCALSTACK_PYTHON.parents[1] / "service-catalogs"
"""Folder of the index of all AWS operations. LocalStack takes seconds to build it, so that all servers share it.

Its name contains the versions of LocalStack and botocore.
"""
SERVICES = "apigateway,cloudformation,cloudwatch,dynamodb,events,iam,lambda,logs,s3,secretsmanager,ses,sns,sqs,ssm,sts"


@dataclass(frozen=True)
class LocalStackServer:
    """A LocalStack server. `function_environment` overrides the template's variables of all functions."""

    folder: Path
    port: int
    front_door_port: int
    function_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Path of the log, outside of the server's folder, so that it is kept after a failed start."""
        return self.folder.parent / "localstack.log"

    @property
    def url(self) -> str:
        """URL of all services."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, process_file: Path) -> ProcessId:
        """Starts LocalStack, records its process in `process_file` and waits until it is ready.

        Raises StackError with the last lines of the log if it does not start.
        """
        if not LOCALSTACK_PYTHON.exists():
            raise StackError(f"{LOCALSTACK_PYTHON} does not exist. Run `make setup`.")
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        self._use_service_catalogs()
        with uninterrupted():  # so that a started process is always recorded
            process = start_process(
                [str(LOCALSTACK_PYTHON), "-m", "localstack.runtime.main"],
                log=self.log,
                environment=self._environment(temporary),
                folder=self.folder,
            )
            process_file.write_text(json.dumps(asdict(process)), encoding="utf-8")
        self._await_ready(process)
        self._keep_service_catalogs()
        return process

    def _use_service_catalogs(self) -> None:
        """Links the folder in which LocalStack looks for an index that was built earlier."""
        SERVICE_CATALOGS.mkdir(exist_ok=True)
        libraries = self.folder / "files" / "usr" / "lib" / "localstack"
        libraries.parent.mkdir(parents=True, exist_ok=True)
        libraries.symlink_to(SERVICE_CATALOGS, target_is_directory=True)

    def _keep_service_catalogs(self) -> None:
        """Keeps the index if LocalStack had to build it. Several servers may do so at the same time."""
        for built in (self.folder / "files" / "var" / "lib" / "localstack" / "cache").glob("service-catalog-*.dill"):
            copy = SERVICE_CATALOGS / f"{built.name}.{os.getpid()}"
            shutil.copyfile(built, copy)
            copy.replace(SERVICE_CATALOGS / built.name)

    def _environment(self, temporary: Path) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {
            **inherited,
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "TMPDIR": str(temporary),
            "FILESYSTEM_ROOT": str(self.folder / "files"),
            # In a container, as in CI, it would otherwise use the folders of its own image.
            "OVERRIDE_IN_DOCKER": "0",
            "PYTHONPATH": str(PLUGIN),
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port},127.0.0.1:{self.front_door_port}",
            "LOCALSTACK_HOST": f"localhost:{self.port}",
            "SERVICES": SERVICES,
            "STRICT_SERVICE_LOADING": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
            # Signatures of presigned URLs are verified, as S3 does.
            "S3_SKIP_SIGNATURE_VALIDATION": "0",
            "PROVIDER_OVERRIDE_DYNAMODB": "resma",
            "LAMBDA_RUNTIME_EXECUTOR": "resma",
            "LAMBDA_KEEPALIVE_MS": "600000",
            # Ten seconds for init, plus the longest timeout of a function. The executor enforces shorter ones.
            "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "910",
            "LAMBDA_RETRY_BASE_DELAY_SECONDS": "1",
            "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.05",
            "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.1",
            "RESMA_STATE": str(self.folder.parent),
            "RESMA_FRONT_DOOR_PORT": str(self.front_door_port),
            "RESMA_FUNCTION_PYTHON": sys.executable,
            "RESMA_FUNCTION_ENVIRONMENT": json.dumps(dict(self.function_environment)),
        }

    def _await_ready(self, process: ProcessId) -> None:
        http = urllib3.PoolManager(retries=False, timeout=2)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not process.is_alive():
                raise StackError(f"LocalStack has ended during its start:\n{last_lines(self.log)}")
            try:
                state = http.request("GET", f"{self.url}/_localstack/init/ready").json()
                if state.get("completed"):
                    return
            except (urllib3.exceptions.HTTPError, ValueError):
                pass
            time.sleep(0.1)
        raise StackError(f"LocalStack is not ready after {START_SECONDS} s:\n{last_lines(self.log)}")
