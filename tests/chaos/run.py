"""Makes a chaos run on a stack of its own: the baseline, the workload, and the verdict."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from infra.demo.load_demo_bank import load_demo_bank
from infra.local.stack import Options, Stack
from tests.chaos.plan import ACCOUNTS, ROWS, ChaosPlan
from tests.chaos.receivers import FaultyReceivers
from tests.chaos.recovery import RecoveredOutage, attempts_used_by_outages, recovery_of_outages
from tests.chaos.verify import Verdict, verify
from tests.chaos.workload import Injectors, Workload, ended_counts, run_baseline, run_workload
from tests.support.client import Client, lift_quotas
from tests.support.local_stack import Faults


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
            "recover_p50_s": self.injectors.recovery.median_seconds,
            "recover_worst_s": self.injectors.recovery.worst_seconds,
            "outage_recover_worst_s": max((recovery.worst_seconds for recovery in self.recovered), default=0.0),
            "attempts_used_by_outages": self.attempts_used_by_outages,
            "seed": self.plan.seed,
        }


def run_chaos(name: str, plan: ChaosPlan, reporter: ProgressReporter) -> ChaosResult:
    """Runs a plan on a stack with the given name. Its logs stay in `.resma/<name>`."""
    with _stack(name, reporter) as (client, faults), FaultyReceivers(client.stack.up.callback_secret) as receivers:
        expected = run_baseline(client, plan)
        reporter.report_step(f"baseline: {len(plan.contents)} distinct reports are READY")
        workload, injectors = run_workload(
            client, faults, plan, receivers,
            lambda workload, injectors: reporter.show(len(workload.accepted), ended_counts(client), injectors.count),
        )  # fmt: skip
        reporter.report_step("all reports have ended: verifying")
        verdict = verify(client, plan, workload, injectors.faults.injected, receivers, expected)
        verdict.stuck += [f"an outage could not be injected: {error}" for error in injectors.outages.errors]
        recovered = recovery_of_outages(client, injectors.outages.injected)
        attempts = attempts_used_by_outages(client, injectors.outages.injected)
        return ChaosResult(plan, workload, injectors, verdict, recovered, attempts, client.stack.folder)


@contextlib.contextmanager
def _stack(name: str, reporter: ProgressReporter) -> Iterator[tuple[Client, Faults]]:
    faults = Faults()
    options = Options(
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
