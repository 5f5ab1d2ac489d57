"""Injects the faults of a plan, each at its time, and one after the other into the same part of the system."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psutil
import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.functions import running_processes
from tests.chaos.plan import Kind, PlannedFault
from tests.chaos.recovery import Recovery
from tests.support.client import Client
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.local_stack import Faults

PART = b"partNumber="
"""What the address of every upload of a part contains."""

AIM_SECONDS = 8
"""How long a fault that needs a report in progress waits for one."""

LANES = {"kill-workers": "s3", "freeze-workers": "s3", "stretch-leases": "s3"}
"""What needs the object store's proxy, one after the other; the others have a lane by the part that fails."""


@dataclass(frozen=True)
class InjectedFault:
    """A fault that had an effect, and when (seconds of the epoch): reports under way at that time may fail for it."""

    kind: Kind
    began: float
    ended: float


class FaultInjector:
    """Carries out a plan's faults, from a thread for each lane."""

    def __init__(self, client: Client, faults: Faults, recovery: Recovery) -> None:
        self._client = client
        self._faults = faults
        self._recovery = recovery
        self._threads: list[threading.Thread] = []
        self.injected: list[InjectedFault] = []
        self.duplicates = 0
        self.mishaps: list[str] = []

    def start(self, faults: Sequence[PlannedFault], started: float) -> None:
        """Begins; `started` is the plan's second 0, of the monotonic clock."""
        lanes: dict[str, list[PlannedFault]] = defaultdict(list)
        for planned in sorted(faults, key=lambda planned: planned.at_seconds):
            lanes[LANES.get(planned.kind, planned.kind.partition("-")[0])].append(planned)
        for lane, theirs in lanes.items():
            thread = threading.Thread(target=self._run, args=(theirs, started), name=f"faults-{lane}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def is_done(self) -> bool:
        """Whether the last one is over."""
        return not any(thread.is_alive() for thread in self._threads)

    def counts(self) -> Counter[str]:
        """How many faults of each kind have had an effect."""
        return Counter(fault.kind for fault in self.injected)

    def _run(self, faults: Sequence[PlannedFault], started: float) -> None:
        for planned in faults:
            time.sleep(max(0.0, started + planned.at_seconds - time.monotonic()))
            began = time.time()
            try:
                has_hit = self._inject(planned)
            except (psycopg.Error, psutil.Error, ClientError, BotoCoreError, OSError) as error:
                # Another fault came in between, such as the database's end; the next one may go better.
                self.mishaps.append(f"{planned.kind}: {type(error).__name__}")
                continue
            if has_hit:
                self.injected.append(InjectedFault(planned.kind, began, time.time()))

    def _inject(self, planned: PlannedFault) -> bool:
        target, _, way = planned.kind.partition("-")
        others: dict[Kind, Callable[[PlannedFault], bool]] = {
            "kill-workers": self._kill_workers,
            "freeze-workers": self._freeze_workers,
            "stretch-leases": self._stretch_leases,
            "kill-api": lambda _: self._kill("ApiFunction"),
            "kill-webhook": lambda _: self._kill("WebhookFunction"),
            "database-restart": self._restart_database,
            "duplicate-messages": self._duplicate_messages,
            "borrow-messages": self._borrow_messages,
        }
        if planned.kind in others:
            return others[planned.kind](planned)
        with contextlib.ExitStack() as stack:
            faults = [stack.enter_context(proxy.failing(_make_fault(way))) for proxy in self._proxies(target)]
            time.sleep(planned.seconds)
        return any(fault.injected.is_set() for fault in faults)

    def _proxies(self, target: str) -> list[FaultProxy]:
        """One server holds both databases, each behind a proxy of its own."""
        names = ("database", "source") if target == "database" else (target,)
        return [getattr(self._faults, name) for name in names]

    # ------------------------------------------------------------------ workers

    @contextlib.contextmanager
    def _report_in_progress(self) -> Iterator[bool]:
        """Holds the parts of reports back inside the block; whether there was one to hold."""
        fault = Fault("stall", when=PART)
        with self._faults.s3.failing(fault):
            yield fault.injected.wait(AIM_SECONDS)

    def _kill_workers(self, planned: PlannedFault) -> bool:
        with self._report_in_progress() as is_aimed:
            time.sleep(planned.choice)
            running = self._running()
            for pid in self._client.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._recovery.watch(running)
        return is_aimed and bool(running)

    def _freeze_workers(self, planned: PlannedFault) -> bool:
        with self._report_in_progress():
            workers = [psutil.Process(pid) for pid in running_processes(self._client, "WorkerFunction")]
            # Not all of them: the others are to take over.
            chosen = workers[: 1 + round(planned.choice)]
            running = self._running()
            for worker in chosen:
                worker.suspend()
            self._recovery.watch(running, only_if_expired=True)
        waking = threading.Timer(planned.seconds, _wake, (chosen,))
        waking.daemon = True
        waking.start()
        self._threads.append(waking)
        return bool(chosen)

    def _stretch_leases(self, planned: PlannedFault) -> bool:
        """Every running job's lease ends while its worker lives, and its message comes again."""
        with self._report_in_progress():
            stretched = self._client.sql(
                "UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 second'"
                " WHERE status = 'GENERATING' RETURNING report_id::text"
            )
            self._forget_first_filter()
            for (report_id,) in stretched:
                self._send_again(report_id, 1)
            time.sleep(planned.seconds)
        return bool(stretched)

    def _forget_first_filter(self) -> None:
        """Removes what powertools' idempotency remembers, whose clock is the lease's too."""
        table = self._client.stack.up.outputs.get("IdempotencyTableName") or self._idempotency_table()
        dynamodb = self._client.aws("dynamodb")
        for item in dynamodb.scan(TableName=table, ProjectionExpression="id")["Items"]:
            dynamodb.delete_item(TableName=table, Key={"id": item["id"]})

    def _idempotency_table(self) -> str:
        names: list[str] = self._client.aws("dynamodb").list_tables()["TableNames"]
        return next(name for name in names if "IdempotencyTable" in name)

    def _running(self) -> list[tuple[str, int]]:
        rows = self._client.sql("SELECT report_id::text, attempt FROM resma.reports WHERE status = 'GENERATING'")
        return [(str(report_id), int(attempt)) for report_id, attempt in rows]

    # ------------------------------------------------------------------ other functions, and the database

    def _kill(self, logical_name: str) -> bool:
        pids = running_processes(self._client, logical_name)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def _restart_database(self, planned: PlannedFault) -> bool:
        server = self._client.stack.postgres()
        # SIGQUIT is `pg_ctl stop -m immediate`: no farewell to anyone, and recovery at the next start.
        postmaster = psutil.Process(server.process_id)
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(30)
        time.sleep(planned.seconds)
        server.start()
        return True

    # ------------------------------------------------------------------ messages

    def _duplicate_messages(self, planned: PlannedFault) -> bool:
        """Some jobs' messages come again, three times each: of what ended, runs, and waits."""
        rows = self._client.sql("SELECT report_id::text FROM resma.reports ORDER BY report_id")
        chosen = [row[0] for row in rows][int(planned.choice * 10) :: 10][:10]
        for report_id in chosen:
            self._send_again(report_id, 3)
        return bool(chosen)

    def _send_again(self, report_id: str, times: int) -> None:
        self._client.send_job_again(report_id, times)
        self.duplicates += times

    def _borrow_messages(self, planned: PlannedFault) -> bool:
        """Takes messages out of the queue and lets them come back later, behind those that were sent after them."""
        sqs, url = self._client.aws("sqs"), self._client.stack.up.outputs["QueueUrl"]
        received = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=max(1, round(planned.seconds)), WaitTimeSeconds=3
        )
        return bool(received.get("Messages"))


def _make_fault(way: str) -> Fault:
    return Fault(way, bytes_per_second=200_000 if way == "slow" else 0)  # type: ignore[arg-type]


def _wake(workers: Sequence[psutil.Process]) -> None:
    for worker in workers:
        with contextlib.suppress(psutil.Error):
            worker.resume()
