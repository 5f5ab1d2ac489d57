"""A whole run: a stack of its own, the calm, the storm, and the judgement."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from infra.local.stack import Options, Stack
from infra.postgres.load_demo_bank import load_demo_bank
from tests.chaos.judge import Verdict, judge
from tests.chaos.plan import ROWS, Plan
from tests.chaos.receivers import Receivers
from tests.chaos.recovery import Recovery
from tests.chaos.storm import Storm, ended_counts, run_calm, run_storm
from tests.chaos.strikes import Striker
from tests.e2e.client import Client, lift_quotas
from tests.e2e.conftest import Faults


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
    storm: Storm
    striker: Striker
    recovery: Recovery
    verdict: Verdict
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        """For programs."""
        return {
            "reports": len(self.storm.accepted),
            "faults": len(self.striker.struck),
            "lost": len(self.verdict.lost),
            "doubled": len(self.verdict.doubled),
            "stuck": len(self.verdict.stuck),
            "open_uploads": len(self.verdict.open_uploads),
            "webhooks_missing": len(self.verdict.webhooks_missing),
            "recover_p50_s": self.recovery.median_seconds,
            "recover_worst_s": self.recovery.worst_seconds,
            "seed": self.plan.seed,
        }


def run_chaos(name: str, plan: Plan, teller: Teller) -> Outcome:
    """Runs a plan on a stack of that name, whose logs stay in `.resma/<name>`."""
    with _stack(name, teller) as (client, faults), Receivers(client.stack.up.callback_secret) as receivers:
        expected = run_calm(client, plan)
        teller.say(f"calm run: {len(plan.contents)} distinct reports are as they should be")
        storm, striker, recovery = run_storm(
            client, faults, plan, receivers,
            lambda storm, striker: teller.show(len(storm.accepted), ended_counts(client), len(striker.struck)),
        )  # fmt: skip
        teller.say("all is quiet: judging")
        verdict = judge(client, plan, storm, striker.struck, receivers, expected)
        return Outcome(plan, storm, striker, recovery, verdict, client.stack.folder)


@contextlib.contextmanager
def _stack(name: str, teller: Teller) -> Iterator[tuple[Client, Faults]]:
    faults = Faults()
    options = Options(
        front_door_port=None, function_environment=faults.before_aws, database_port=faults.before_database
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
