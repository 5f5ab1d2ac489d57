"""Injects the faults of a plan, each at its time. Faults of the same part of the system are injected in sequence."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil
import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.functions import running_processes
from tests.chaos.plan import DestinationName, Kind, PlannedFault
from tests.chaos.recipients import Recipients
from tests.chaos.recovery import Recovery
from tests.chaos.split_faults import PHASES, Inject, inject_split_fault, running_jobs
from tests.support.client import Client
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.local_stack import Faults

PART = b"partNumber="
"""A part of the URL of every request that uploads a part."""

AIM_SECONDS = 8
"""Maximum time that a fault which needs a report in progress waits for one."""

LANES = {
    **dict.fromkeys(("kill-workers", "freeze-workers", "stretch-leases", *PHASES), "s3"),
    "kill-delivery": "sftp",
}
"""Lanes of the faults that need the proxy of another part. The lane of another fault is the part that fails.

Faults of one lane are injected in sequence, those of different lanes in parallel.
"""


DESTINATIONS_OF_PROXIES: Mapping[str, DestinationName] = {"sftp": "sftp", "bucket": "streamed"}
"""Destinations by the proxy of their recipient."""


@dataclass(frozen=True)
class InjectedFault:
    """A fault that had an effect, with its start and end in epoch seconds. Reports in progress then may fail by it."""

    kind: Kind
    began: float
    ended: float


class FaultInjector:
    """Injects a plan's faults, from one thread per lane."""

    def __init__(self, client: Client, faults: Faults, recovery: Recovery, recipients: Recipients) -> None:
        self._client = client
        self._recipients = recipients
        self._faults = faults
        self._recovery = recovery
        self._threads: list[threading.Thread] = []
        self._armed: dict[tuple[Kind, float], threading.Event] = defaultdict(threading.Event)
        self._restarting = threading.Lock()
        self.injected: list[InjectedFault] = []
        self.duplicates = 0
        self.errors: list[str] = []

    def start(self, faults: Sequence[PlannedFault], started: float) -> None:
        """Starts the threads. `started` is the plan's second 0 on the monotonic clock."""
        lanes: dict[str, list[PlannedFault]] = defaultdict(list)
        for planned in sorted(faults, key=lambda planned: planned.at_seconds):
            lanes[LANES.get(planned.kind, planned.kind.partition("-")[0])].append(planned)
        for lane, lane_faults in lanes.items():
            thread = threading.Thread(target=self._run, args=(lane_faults, started), name=f"faults-{lane}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def wait_for(self, kind: Kind, at_seconds: float) -> None:
        """Waits until the fault that is planned for this time waits for its report, or is over."""
        self._armed[kind, at_seconds].wait()

    def is_done(self) -> bool:
        """Returns whether the last fault is over."""
        return not any(thread.is_alive() for thread in self._threads)

    def counts(self) -> Counter[str]:
        """Returns the number of faults that have had an effect, by kind."""
        return Counter(fault.kind for fault in self.injected)

    def _run(self, faults: Sequence[PlannedFault], started: float) -> None:
        for planned in faults:
            time.sleep(max(0.0, started + planned.at_seconds - time.monotonic()))
            began = time.time()
            try:
                had_effect = self._inject(planned)
            except (psycopg.Error, psutil.Error, ClientError, BotoCoreError, OSError) as error:
                # Another fault, such as a restart of the database, can prevent this one.
                self.errors.append(f"{planned.kind}: {type(error).__name__}")
                continue
            finally:
                self._armed[planned.kind, planned.at_seconds].set()
            if had_effect:
                self.injected.append(InjectedFault(planned.kind, began, time.time()))

    def _inject(self, planned: PlannedFault) -> bool:
        target, _, failure = planned.kind.partition("-")
        others: dict[Kind, Callable[[PlannedFault], bool]] = {
            "kill-workers": self._kill_workers,
            "freeze-workers": self._freeze_workers,
            "stretch-leases": self._stretch_leases,
            "kill-api": lambda _: self._kill("ApiFunction"),
            "kill-webhook": lambda _: self._kill("WebhookFunction"),
            "database-restart": self._restart_database,
            "duplicate-messages": self._duplicate_messages,
            "borrow-messages": self._borrow_messages,
            "kill-delivery": self._kill_delivery,
            "sftp-login": self._refuse_logins,
            "sftp-restart": self._restart_sftp_server,
            "missing-bucket": self._miss_bucket,
        }
        if planned.kind in PHASES:
            return self._inject_into_split_report(planned)
        if planned.kind in others:
            return others[planned.kind](planned)
        with contextlib.ExitStack() as stack:
            faults = [
                stack.enter_context(proxy.failing(_make_fault(target, failure, planned.choice)))
                for proxy in self._proxies(target)
            ]
            if target in DESTINATIONS_OF_PROXIES:
                self._recipients.send_test(DESTINATIONS_OF_PROXIES[target])
            time.sleep(planned.seconds)
        return any(fault.injected.is_set() for fault in faults)

    def _proxies(self, target: str) -> list[FaultProxy]:
        """Returns the proxies of a part. One server has both databases, each behind a proxy of its own."""
        names = ("database", "source") if target == "database" else (target,)
        return [getattr(self._faults, name) for name in names if hasattr(self._faults, name)]

    # ------------------------------------------------------------------ workers

    @contextlib.contextmanager
    def _report_in_progress(self) -> Iterator[bool]:
        """Stalls uploads of parts inside the block; yields whether there was one, so that a report is in progress."""
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

    def _inject_into_split_report(self, planned: PlannedFault) -> bool:
        running = self._running()
        armed = self._armed[planned.kind, planned.at_seconds]
        others: dict[Kind, Inject] = {
            "duplicate-split-messages": self._duplicate_shards,
            "database-failover-split": self._restart_database,
        }
        had_effect = inject_split_fault(self._client, self._faults, planned, armed, others)
        if had_effect and planned.kind not in others:
            self._recovery.watch(running, only_if_expired=True)
        return had_effect

    def _freeze_workers(self, planned: PlannedFault) -> bool:
        with self._report_in_progress():
            workers = [psutil.Process(pid) for pid in running_processes(self._client, "WorkerFunction")]
            # Not all workers: the others must continue the reports.
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
        """Ends the lease of every running job while its worker is running, and sends its message again."""
        with self._report_in_progress():
            stretched = self._client.sql(
                "UPDATE resma.reports SET lease_until = clock_timestamp() - interval '1 second'"
                " WHERE status = 'GENERATING' RETURNING report_id::text"
            )
            shards = self._client.sql(
                "UPDATE resma.shards SET lease_until = clock_timestamp() - interval '1 second'"
                " WHERE status = 'GENERATING' RETURNING report_id::text, shard"
            )
            self._delete_idempotency_records()
            for (report_id,) in stretched:
                self._send_again(report_id, 1)
            for report_id, shard in shards:
                self._send_again(report_id, 1, shard)
            time.sleep(planned.seconds)
        return bool(stretched)

    def _delete_idempotency_records(self) -> None:
        """Deletes the records of powertools' idempotency, which expire at the same time as the leases."""
        table = self._client.stack.up.outputs.get("IdempotencyTableName") or self._idempotency_table()
        dynamodb = self._client.aws("dynamodb")
        for item in dynamodb.scan(TableName=table, ProjectionExpression="id")["Items"]:
            dynamodb.delete_item(TableName=table, Key={"id": item["id"]})

    def _idempotency_table(self) -> str:
        names: list[str] = self._client.aws("dynamodb").list_tables()["TableNames"]
        return next(name for name in names if "IdempotencyTable" in name)

    def _running(self) -> list[tuple[str, int]]:
        return running_jobs(self._client)

    # ------------------------------------------------------------------ other functions, and the database

    def _kill(self, logical_name: str) -> bool:
        pids = running_processes(self._client, logical_name)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def _restart_database(self, planned: PlannedFault) -> bool:
        with self._restarting:  # faults of two lanes may restart it
            server = self._client.stack.postgres()
            # SIGQUIT is `pg_ctl stop -m immediate`: connections are cut, and the next start has to recover.
            postmaster = psutil.Process(server.process_id)
            postmaster.send_signal(signal.SIGQUIT)
            postmaster.wait(30)
            time.sleep(planned.seconds)
            server.start()
        return True

    # ------------------------------------------------------------------ recipients of files

    def _kill_delivery(self, planned: PlannedFault) -> bool:
        """Kills the delivery functions while one of them delivers to the SFTP server."""
        if self._recipients.server is None:
            return False
        fault = Fault("stall")
        with self._faults.sftp.failing(fault):
            self._recipients.send_test("sftp")
            is_aimed = fault.injected.wait(AIM_SECONDS)
            time.sleep(planned.choice)
            return self._kill("DeliveryFunction") and is_aimed

    def _refuse_logins(self, planned: PlannedFault) -> bool:
        server = self._recipients.server
        if server is None:
            return False
        server.refuse_logins()
        try:
            self._recipients.send_test("sftp")
            time.sleep(planned.seconds)
        finally:
            server.accept_logins()
        return True

    def _restart_sftp_server(self, planned: PlannedFault) -> bool:
        server = self._recipients.server
        if server is None:
            return False
        self._recipients.send_test("sftp")
        time.sleep(planned.choice)
        server.kill()
        time.sleep(planned.seconds)
        server.start()
        return True

    def _miss_bucket(self, planned: PlannedFault) -> bool:
        self._recipients.send_test("copied")
        time.sleep(planned.seconds)
        self._recipients.create_missing_bucket()
        return self._recipients.has_failed_without_bucket()

    # ------------------------------------------------------------------ messages

    def _duplicate_messages(self, planned: PlannedFault) -> bool:
        """Sends the messages of some jobs again, three times each: of jobs that have ended, that run and that wait.

        The messages of some shards, most of which have ended, are sent twice (see `_duplicate_shards`).
        """
        rows = self._client.sql("SELECT report_id::text FROM resma.reports ORDER BY report_id")
        chosen = [row[0] for row in rows][int(planned.choice * 10) :: 10][:10]
        for report_id in chosen:
            self._send_again(report_id, 3)
        shards = self._client.sql("SELECT report_id::text, shard FROM resma.shards ORDER BY report_id, shard")
        for report_id, shard in shards[int(planned.choice * 4) :: 4][:10]:
            self._send_again(report_id, 2, shard)
        return bool(chosen)

    def _duplicate_shards(self, _: PlannedFault) -> bool:
        """Sends the messages of all shards that run or wait again, and those of their reports."""
        shards = self._client.sql(
            "SELECT report_id::text, shard FROM resma.shards AS s JOIN resma.reports AS r USING (tenant_id, report_id)"
            " WHERE s.status IN ('PENDING', 'GENERATING') AND r.status = 'GENERATING' ORDER BY report_id, shard"
        )
        self._delete_idempotency_records()
        for report_id in {report_id for report_id, _ in shards}:
            self._send_again(report_id, 2)
        for report_id, shard in shards:
            self._send_again(report_id, 2, shard)
        return bool(shards)

    def _send_again(self, report_id: str, times: int, shard: int | None = None) -> None:
        self._client.send_job_again(report_id, times, shard)
        self.duplicates += times

    def _borrow_messages(self, planned: PlannedFault) -> bool:
        """Receives messages without deleting them, so that they are delivered later than those sent after them."""
        sqs, url = self._client.aws("sqs"), self._client.stack.up.outputs["QueueUrl"]
        received = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=max(1, round(planned.seconds)), WaitTimeSeconds=3
        )
        return bool(received.get("Messages"))


def _make_fault(target: str, failure: str, choice: float) -> Fault:
    """Returns the fault of a proxy. An SFTP session is cut in its login, in its first file, or in a larger one."""
    after_bytes = round(3_000 * 100**choice) if (target, failure) == ("sftp", "cut") else 0
    bytes_per_second = 200_000 if failure == "slow" else 0
    return Fault(failure, after_bytes=after_bytes, bytes_per_second=bytes_per_second)  # type: ignore[arg-type]


def _wake(workers: Sequence[psutil.Process]) -> None:
    for worker in workers:
        with contextlib.suppress(psutil.Error):
            worker.resume()
