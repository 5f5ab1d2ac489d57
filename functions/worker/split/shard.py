"""A shard that a worker has claimed, with what its files have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

from resma.shards.claim import ShardClaim
from resma.shards.rows import ShardedReport
from worker.resources import WorkerResources


@dataclass(frozen=True)
class ClaimedShard:
    """A claimed shard, its report, and the worker's resources."""

    resources: WorkerResources
    report: ShardedReport
    claim: ShardClaim
    organization: str
    probed: tuple[str, ...] = ()
    """Dependencies whose circuit was open when the shard was claimed: this attempt closes it or keeps it open."""

    @property
    def object_prefix(self) -> str:
        """The prefix of the keys of this attempt's objects: a delayed worker never overwrites another's object."""
        claim = self.claim
        return f"{claim.tenant_id}/{claim.report_id}/{claim.shard}-{claim.attempt}"


class HeldShard:
    """The shard that a coordinator generates at the moment. Its heartbeat renews the lease of both."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._claim: ShardClaim | None = None

    def hold(self, claim: ShardClaim | None) -> None:
        """Sets the shard; None before the end of its attempt, so that no heartbeat finds it ended."""
        with self._lock:
            self._claim = claim

    @contextlib.contextmanager
    def kept(self) -> Iterator[ShardClaim | None]:
        """Yields the shard, whose attempt does not end before the end of the block."""
        with self._lock:
            yield self._claim
