"""A whole run: a stack of its own, the baseline, the workload, and the verdict."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from infra.local.stack import Options, Stack
from infra.postgres.load_demo_bank import load_demo_bank
from tests.chaos.plan import ROWS, Plan
from tests.chaos.receivers import Receivers
from tests.chaos.recovery import RecoveredOutage, attempts_used_by_outages, recovery_of_outages
from tests.chaos.verify import Verdict, verify
from tests.chaos.workload import Injectors, Workload, ended_counts, run_baseline, run_workload
from tests.support.client import Client, lift_quotas
from tests.support.local_stack import Faults


class Teller(Protocol):
    """Shows how it goes."""

    def say(self, text: str) -> None:
        """A step is done."""

    def show(self, accepted: int, ended: dict[str, int], faults: int) -> None:
        """About once a second."""


@dataclass(frozen=True)
class Outcome:
    """All there is to say of a run."""

    plan: Plan
    workload: Workload
    injectors: Injectors
    verdict: Verdict
    recovered: Sequence[RecoveredOutage]
    attempts_used_by_outages: int
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        """For programs."""
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
            "outage_recover_worst_s": max((each.worst_seconds for each in self.recovered), default=0.0),
            "attempts_used_by_outages": self.attempts_used_by_outages,
            "seed": self.plan.seed,
        }


def run_chaos(name: str, plan: Plan, teller: Teller) -> Outcome:
    """Runs a plan on a stack of that name, whose logs stay in `.resma/<name>`."""
    with _stack(name, teller) as (client, faults), Receivers(client.stack.up.callback_secret) as receivers:
        expected = run_baseline(client, plan)
        teller.say(f"baseline: {len(plan.contents)} distinct reports are as they should be")
        workload, injectors = run_workload(
            client, faults, plan, receivers,
            lambda workload, injectors: teller.show(len(workload.accepted), ended_counts(client), injectors.count),
        )  # fmt: skip
        teller.say("all is quiet: verifying")
        verdict = verify(client, plan, workload, injectors.faults.injected, receivers, expected)
        verdict.stuck += [f"an outage could not be made: {error}" for error in injectors.outages.errors]
        recovered = recovery_of_outages(client, injectors.outages.injected)
        used = attempts_used_by_outages(client, injectors.outages.injected)
        return Outcome(plan, workload, injectors, verdict, recovered, used, client.stack.folder)


@contextlib.contextmanager
def _stack(name: str, teller: Teller) -> Iterator[tuple[Client, Faults]]:
    faults = Faults()
    options = Options(
        front_door_port=None,
        function_environment=faults.before_aws,
        database_port=faults.before_database,
        source_port=faults.before_source,
    )
    stack = Stack(name, options, tell=teller.say)
    stack.stop()
    shutil.rmtree(stack.folder, ignore_errors=True)
    try:
        with stack:
            load_demo_bank(stack.up.database_url, ROWS)
            lift_quotas(stack.up.database_url)
            client = Client(stack)
            # The embedded server answers a commit before it is written, which a demo may and a crash test may not.
            client.sql("ALTER DATABASE postgres SET synchronous_commit = on")
            for service in ("sqs", "lambda", "dynamodb"):
                client.aws(service)  # made here: boto3's session is not for several threads
            yield client, faults
            client.close()
    finally:
        faults.close()
