"""Faults, made to happen: each strike of the plan at its time, one after the other in what it strikes."""

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
from tests.chaos.plan import Kind, Strike
from tests.chaos.recovery import Recovery
from tests.e2e.client import Client
from tests.e2e.conftest import Faults
from tests.e2e.fault_proxy import Fault, FaultProxy

PART = b"partNumber="
"""What the address of every upload of a part contains."""

AIM_SECONDS = 8
"""How long a strike that wants a report in mid-air waits for one."""

LANES = {"kill-workers": "s3", "freeze-workers": "s3", "stretch-leases": "s3"}
"""What strikes with the object store's help, one after the other; the others have a lane by what they strike."""


@dataclass(frozen=True)
class Struck:
    """A strike that hit something, and when (seconds of the epoch): reports that live then may fail for it."""

    kind: Kind
    began: float
    ended: float


class Striker:
    """Carries out a plan's strikes, from a thread for each lane."""

    def __init__(self, client: Client, faults: Faults, recovery: Recovery) -> None:
        self._client = client
        self._faults = faults
        self._recovery = recovery
        self._threads: list[threading.Thread] = []
        self.struck: list[Struck] = []
        self.duplicates = 0
        self.mishaps: list[str] = []

    def start(self, strikes: Sequence[Strike], started: float) -> None:
        """Begins; `started` is the plan's second 0, of the monotonic clock."""
        lanes: dict[str, list[Strike]] = defaultdict(list)
        for strike in sorted(strikes, key=lambda strike: strike.at_seconds):
            lanes[LANES.get(strike.kind, strike.kind.partition("-")[0])].append(strike)
        for lane, theirs in lanes.items():
            thread = threading.Thread(target=self._run, args=(theirs, started), name=f"strikes-{lane}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def is_done(self) -> bool:
        """Whether the last one is over."""
        return not any(thread.is_alive() for thread in self._threads)

    def counts(self) -> Counter[str]:
        """How many strikes of each kind have hit something."""
        return Counter(struck.kind for struck in self.struck)

    def _run(self, strikes: Sequence[Strike], started: float) -> None:
        for strike in strikes:
            time.sleep(max(0.0, started + strike.at_seconds - time.monotonic()))
            began = time.time()
            try:
                has_hit = self._strike(strike)
            except (psycopg.Error, psutil.Error, ClientError, BotoCoreError, OSError) as error:
                # Another strike came in between, such as the database's end; the next one may go better.
                self.mishaps.append(f"{strike.kind}: {type(error).__name__}")
                continue
            if has_hit:
                self.struck.append(Struck(strike.kind, began, time.time()))

    def _strike(self, strike: Strike) -> bool:
        target, _, way = strike.kind.partition("-")
        others: dict[Kind, Callable[[Strike], bool]] = {
            "kill-workers": self._kill_workers,
            "freeze-workers": self._freeze_workers,
            "stretch-leases": self._stretch_leases,
            "kill-api": lambda _: self._kill("ApiFunction"),
            "kill-webhook": lambda _: self._kill("WebhookFunction"),
            "database-restart": self._restart_database,
            "duplicate-messages": self._duplicate_messages,
            "borrow-messages": self._borrow_messages,
        }
        if strike.kind in others:
            return others[strike.kind](strike)
        proxy: FaultProxy = getattr(self._faults, target)
        fault = Fault(way, bytes_per_second=200_000 if way == "slow" else 0)  # type: ignore[arg-type]
        with proxy.failing(fault):
            time.sleep(strike.seconds)
        return fault.struck.is_set()

    # ------------------------------------------------------------------ workers

    @contextlib.contextmanager
    def _report_in_mid_air(self) -> Iterator[bool]:
        """Holds the parts of reports back inside the block; whether there was one to hold."""
        fault = Fault("stall", when=PART)
        with self._faults.s3.failing(fault):
            yield fault.struck.wait(AIM_SECONDS)

    def _kill_workers(self, strike: Strike) -> bool:
        with self._report_in_mid_air() as is_aimed:
            time.sleep(strike.choice)
            running = self._running()
            for pid in self._client.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._recovery.watch(running)
        return is_aimed and bool(running)

    def _freeze_workers(self, strike: Strike) -> bool:
        with self._report_in_mid_air():
            workers = [psutil.Process(pid) for pid in running_processes(self._client, "WorkerFunction")]
            # Not all of them: the others are to take over.
            chosen = workers[: 1 + round(strike.choice)]
            running = self._running()
            for worker in chosen:
                worker.suspend()
            self._recovery.watch(running, only_if_expired=True)
        waking = threading.Timer(strike.seconds, _wake, (chosen,))
        waking.daemon = True
        waking.start()
        self._threads.append(waking)
        return bool(chosen)

    def _stretch_leases(self, strike: Strike) -> bool:
        """Every running job's lease ends while its worker lives, and its message comes again."""
        with self._report_in_mid_air():
            stretched = self._client.sql(
                "UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 second'"
                " WHERE status = 'GENERATING' RETURNING report_id::text"
            )
            self._forget_first_filter()
            for (report_id,) in stretched:
                self._send_again(report_id, 1)
            time.sleep(strike.seconds)
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

    def _restart_database(self, strike: Strike) -> bool:
        server = self._client.stack.postgres()
        # SIGQUIT is `pg_ctl stop -m immediate`: no farewell to anyone, and recovery at the next start.
        postmaster = psutil.Process(server.process_id)
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(30)
        time.sleep(strike.seconds)
        server.start()
        return True

    # ------------------------------------------------------------------ messages

    def _duplicate_messages(self, strike: Strike) -> bool:
        """Some jobs' messages come again, three times each: of what ended, runs, and waits."""
        rows = self._client.sql("SELECT report_id::text FROM resma.reports ORDER BY report_id")
        chosen = [row[0] for row in rows][int(strike.choice * 10) :: 10][:10]
        for report_id in chosen:
            self._send_again(report_id, 3)
        return bool(chosen)

    def _send_again(self, report_id: str, times: int) -> None:
        self._client.send_job_again(report_id, times)
        self.duplicates += times

    def _borrow_messages(self, strike: Strike) -> bool:
        """Takes messages out of the queue and lets them come back later, behind those that were sent after them."""
        sqs, url = self._client.aws("sqs"), self._client.stack.up.outputs["QueueUrl"]
        received = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=max(1, round(strike.seconds)), WaitTimeSeconds=3
        )
        return bool(received.get("Messages"))


def _wake(workers: Sequence[psutil.Process]) -> None:
    for worker in workers:
        with contextlib.suppress(psutil.Error):
            worker.resume()
