"""Makes a chaos run on a stack of its own: the baseline, the workload, and the verdict."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from infra.demo.load_demo_bank import load_demo_bank
from infra.local.stack import Options, Stack
from tests.chaos.plan import ACCOUNTS, ROWS, ChaosPlan
from tests.chaos.receivers import FaultyReceivers
from tests.chaos.recipients import Recipients, optional_ssh_server
from tests.chaos.recovery import RecoveredOutage, attempts_used_by_outages, recovery_of_outages
from tests.chaos.verify import Verdict, verify
from tests.chaos.verify_deliveries import verify_deliveries
from tests.chaos.workload import Injectors, Workload, ended_counts, run_baseline, run_workload
from tests.support.client import Client, lift_quotas
from tests.support.local_stack import Faults
from tests.support.ssh_server import SshServer


class ProgressReporter(Protocol):
    """Shows the progress of a run."""

    def report_step(self, text: str) -> None:
        """Reports that a step is done."""

    def show(self, accepted: int, ended: dict[str, int], faults: int) -> None:
        """Shows the present counts. Called about once a second."""


@dataclass(frozen=True)
class ChaosResult:
    """The result of a chaos run."""

    plan: ChaosPlan
    workload: Workload
    injectors: Injectors
    verdict: Verdict
    recovered: Sequence[RecoveredOutage]
    attempts_used_by_outages: int
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        """The figures of the run, for programs."""
        return {
            "reports": len(self.workload.accepted),
            "faults": len(self.injectors.faults.injected),
            "outages": len(self.injectors.outages.injected),
            "lost": len(self.verdict.lost),
            "doubled": len(self.verdict.doubled),
            "stuck": len(self.verdict.stuck),
            "open_uploads": len(self.verdict.open_uploads),
            "webhooks_missing": len(self.verdict.webhooks_missing),
            "undelivered": len(self.verdict.undelivered),
            "deliveries": self.verdict.delivered.deliveries,
            "delivery_attempts_failed": self.verdict.delivered.failed_attempts,
            "deliver_p50_s": self.verdict.delivered.median_seconds,
            "deliver_worst_s": self.verdict.delivered.worst_seconds,
            "recover_p50_s": self.injectors.recovery.median_seconds,
            "recover_worst_s": self.injectors.recovery.worst_seconds,
            "outage_recover_worst_s": max((recovery.worst_seconds for recovery in self.recovered), default=0.0),
            "attempts_used_by_outages": self.attempts_used_by_outages,
            "seed": self.plan.seed,
        }


def run_chaos(name: str, plan: ChaosPlan, reporter: ProgressReporter) -> ChaosResult:
    """Runs a plan on a stack with the given name. Its logs stay in `.resma/<name>`."""
    with (
        _ssh_server(reporter) as server,
        _stack(name, reporter, server) as (client, faults),
        FaultyReceivers(client.stack.up.callback_secret) as receivers,
    ):
        recipients = Recipients.create(client, faults, server)
        expected = run_baseline(client, plan)
        reporter.report_step(f"baseline: {len(plan.contents)} distinct reports are READY")
        workload, injectors = run_workload(
            client, faults, plan, receivers, recipients,
            lambda workload, injectors: reporter.show(len(workload.accepted), ended_counts(client), injectors.count),
        )  # fmt: skip
        reporter.report_step("all reports have ended: verifying")
        verdict = verify(client, plan, workload, injectors.faults.injected, receivers, expected)
        verify_deliveries(client, plan, workload, recipients, verdict)
        verdict.stuck += [f"an outage could not be injected: {error}" for error in injectors.outages.errors]
        recovered = recovery_of_outages(client, injectors.outages.injected)
        attempts = attempts_used_by_outages(client, injectors.outages.injected)
        return ChaosResult(plan, workload, injectors, verdict, recovered, attempts, client.stack.folder)


@contextlib.contextmanager
def _ssh_server(reporter: ProgressReporter) -> Iterator[SshServer | None]:
    with tempfile.TemporaryDirectory() as folder, optional_ssh_server(Path(folder) / "ssh") as server:
        if server is None:
            reporter.report_step("sshd is not installed: no files are delivered by SFTP")
        yield server


@contextlib.contextmanager
def _stack(name: str, reporter: ProgressReporter, server: SshServer | None) -> Iterator[tuple[Client, Faults]]:
    faults = Faults()
    options = Options(
        parameters=faults.before_recipients(None if server is None else server.port),
        front_door_port=None,
        function_environment=faults.before_aws,
        database_port=faults.before_database,
        source_port=faults.before_source,
    )
    stack = Stack(name, options, tell=reporter.report_step)
    stack.stop()
    shutil.rmtree(stack.folder, ignore_errors=True)
    try:
        with stack:
            load_demo_bank(stack.up.database_url, ROWS, ACCOUNTS)
            lift_quotas(stack.up.database_url)
            client = Client(stack)
            # The embedded server acknowledges commits before they are durable, which a crash test does not allow.
            client.sql("ALTER DATABASE postgres SET synchronous_commit = on")
            for service in ("sqs", "lambda", "dynamodb"):
                client.aws(service)  # created here, because a boto3 session is not thread-safe
            yield client, faults
            client.close()
    finally:
        faults.close()
