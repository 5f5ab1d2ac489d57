"""Runs functions as processes of this machine, with the limits Timeout and MemorySize of AWS.

An execution environment has one process at a time. After the process has ended, the next invocation starts a new one,
as on AWS.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from resma_localstack.memory import resident_bytes
from resma_localstack.runtime_api import Call, RuntimeApi

LOG = logging.getLogger(__name__)

INIT_SECONDS = 10.0
"""Lambda's timeout of the init phase."""

WATCH_SECONDS = 0.02
"""Pause between two checks of the memory. A process that allocates 2 GB/s can exceed the limit by 40 MB meanwhile."""

FUNCTION_PROCESS = Path(__file__).with_name("function_process.py")


class InitTimedOutError(StatusErrorException):
    """The function's init has exceeded its timeout."""


class ProcessRuntimeExecutor(RuntimeExecutor):
    """Starts the function's process and passes invocations to it, one at a time."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002  # the base class's name
        super().__init__(id, function_version)
        self._environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._api: RuntimeApi | None = None
        self._lines: list[str] = []
        self._peak_bytes = 0

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpacks the function's code."""
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Removes the function's unpacked code."""
        function_version.config.code.destroy_cached()

    def get_address(self) -> str:
        """Returns the loopback address, at which processes are reached."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Returns the loopback address, at which LocalStack is reached."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Returns nothing, because each process has its own Runtime API."""
        return ""

    def get_logs(self) -> str:
        """Returns the output of the process since the last invocation."""
        return "".join(self._lines)

    def start(self, env_vars: dict[str, str]) -> None:
        """Starts the process and waits for its init. Raises StatusErrorException if the init fails."""
        self._environment = {name: str(value) for name, value in env_vars.items()}
        self._launch()

    def stop(self) -> None:
        """Ends the process. Safe to call twice."""
        self._end()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Passes an invocation to the process, and waits for its result, error or timeout."""
        call = Call(
            request_id=payload["invoke-id"],
            arn=payload["invoked-function-arn"],
            payload=payload["payload"].encode(),
            trace_id=payload.get("trace-id", ""),
            timeout_seconds=float(self.function_version.config.timeout),
        )
        self._peak_bytes = 0
        before = time.monotonic()
        try:
            if self._process is None or self._process.poll() is not None:
                self._launch()
        except StatusErrorException as error:
            call.end(error.payload, is_error=True)
        else:
            assert self._api is not None
            self._api.submit(call)
            self._watch(call)
        milliseconds = (time.monotonic() - (call.started or before)) * 1000
        return InvocationResult(
            request_id=call.request_id,
            payload=call.answer,
            is_error=call.is_error,
            logs=self._take_logs(call, milliseconds),
        )

    def _launch(self) -> None:
        """Starts the process. An init that times out is repeated once, with the function's own timeout, as AWS does.

        Raises StatusErrorException. Source: AWS Lambda Developer Guide, "Understanding the Lambda execution environment
        lifecycle", section "Init phase".
        """
        try:
            self._launch_within(INIT_SECONDS)
        except InitTimedOutError:
            self._launch_within(max(INIT_SECONDS, float(self.function_version.config.timeout)))

    def _launch_within(self, seconds: float) -> None:
        self._end()
        self._api = RuntimeApi()
        code = str(self.function_version.config.code.get_unzipped_code_location())
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        overrides = json.loads(os.environ.get("RESMA_FUNCTION_ENVIRONMENT") or "{}")
        environment = {
            **inherited,
            **self._environment,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": code,
            "PYTHONUNBUFFERED": "1",
            **overrides,
        }
        self._process = subprocess.Popen(
            [os.environ["RESMA_FUNCTION_PYTHON"], str(FUNCTION_PROCESS), self._environment["_HANDLER"]],
            cwd=code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._record_process()
        threading.Thread(target=self._read_output, args=(self._process,), name="function-log", daemon=True).start()
        self._await_init(seconds)

    def _await_init(self, seconds: float) -> None:
        assert self._api is not None
        assert self._process is not None
        deadline = time.monotonic() + seconds
        while not self._api.is_initialized.wait(WATCH_SECONDS):
            if self._process.poll() is not None:
                message = f"Runtime exited with error: {_exit_reason(self._process)}"
                raise StatusErrorException(message, payload=_error("Runtime.ExitError", message))
            if time.monotonic() > deadline:
                self._end()
                message = f"Init phase timed out after {seconds:.2f} seconds"
                raise InitTimedOutError(message, payload=_error("Sandbox.Timedout", message))
        if self._api.init_error is not None:
            payload = self._api.init_error
            self._end()
            raise StatusErrorException("The function's init has failed.", payload=payload)

    def _watch(self, call: Call) -> None:
        """Waits for the answer, and ends the process if it exceeds its timeout or its memory."""
        process = self._process
        assert process is not None
        limit = int(self.function_version.config.memory_size) * 1024 * 1024
        waiting_since = time.monotonic()
        while not call.answered.wait(WATCH_SECONDS):
            used = resident_bytes(process.pid)
            self._peak_bytes = max(self._peak_bytes, used)
            if process.poll() is not None:
                self._fail(call, "Runtime.ExitError", f"Runtime exited with error: {_exit_reason(process)}")
            elif used > limit:
                self._end()
                self._fail(call, "Runtime.ExitError", "Runtime exited with error: signal: killed")
            elif time.monotonic() - (call.started or waiting_since) > call.timeout_seconds:
                self._end()
                self._fail(call, "Sandbox.Timedout", f"Task timed out after {call.timeout_seconds:.2f} seconds")
        self._peak_bytes = max(self._peak_bytes, resident_bytes(process.pid))

    def _fail(self, call: Call, error_type: str, message: str) -> None:
        text = f"RequestId: {call.request_id} Error: {message}"
        self._lines.append(text + "\n")
        call.end(json.dumps({"errorType": error_type, "errorMessage": text}).encode(), is_error=True)

    def _end(self) -> None:
        process, self._process = self._process, None
        api, self._api = self._api, None
        if process is not None:
            # The whole process group is killed, so that a function's child processes end with it, as on Lambda.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            with contextlib.suppress(FileNotFoundError):
                self._process_file(process.pid).unlink()
        if api is not None:
            api.close()

    def _process_file(self, pid: int) -> Path:
        return Path(os.environ["RESMA_STATE"]) / "functions" / f"{self.function_version.id.function_name}.{pid}"

    def _record_process(self) -> None:
        """Writes a file whose name has the function and the process id, so that the stack can end remaining processes.

        The file contains the start time, because process ids are reused.
        """
        assert self._process is not None
        path = self._process_file(self._process.pid)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(psutil.Process(self._process.pid).create_time()), encoding="utf-8")

    def _read_output(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        name = self.function_version.id.function_name
        path = Path(os.environ["RESMA_STATE"]) / "logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log, contextlib.suppress(ValueError, OSError):
            for line in process.stdout:
                text = line.decode(errors="replace")
                self._lines.append(text)
                log.write(text)
                log.flush()

    def _take_logs(self, call: Call, milliseconds: float) -> str:
        lines, self._lines = self._lines, []
        memory = self.function_version.config.memory_size
        version = self.function_version.id.qualifier
        peak = round(self._peak_bytes / 1024 / 1024)
        return (
            f"START RequestId: {call.request_id} Version: {version}\n"
            + "".join(lines)
            + f"END RequestId: {call.request_id}\n"
            + f"REPORT RequestId: {call.request_id}\tDuration: {milliseconds:.2f} ms\t"
            + f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: {memory} MB\tMax Memory Used: {peak} MB\n"
        )


def _error(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def _exit_reason(process: subprocess.Popen[bytes]) -> str:
    status = process.returncode
    if status < 0:
        name = {signal.SIGKILL: "killed", signal.SIGTERM: "terminated"}.get(signal.Signals(-status), f"{-status}")
        return f"signal: {name}"
    return f"exit status {status}"
