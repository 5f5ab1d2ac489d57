"""CloudWatch metrics of the webhooks of an invocation."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from resma.aws.metrics import Metric, emit


@dataclass(frozen=True)
class FinishedAttempt:
    """An attempt that has ended: the status of its delivery, and the response time of the receiver."""

    status: Literal["PENDING", "DELIVERED", "FAILED"]
    seconds: float


@contextlib.contextmanager
def measured(ended: Sequence[FinishedAttempt]) -> Iterator[None]:
    """Emits the metrics of the attempts in `ended` at the end of the block, also after an error.

    Emits nothing without attempts. An abandoned delivery is counted, and its last attempt counts as failed.
    """
    try:
        yield
    finally:
        if ended:
            by_status = Counter(attempt.status for attempt in ended)
            emit(
                {
                    Metric.WEBHOOKS_DELIVERED: by_status["DELIVERED"],
                    Metric.WEBHOOK_ATTEMPTS_FAILED: len(ended) - by_status["DELIVERED"],
                    Metric.WEBHOOKS_ABANDONED: by_status["FAILED"],
                    Metric.WEBHOOK_SECONDS: [attempt.seconds for attempt in ended],
                }
            )
