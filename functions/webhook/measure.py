"""What came of an invocation's webhooks, as CloudWatch metrics."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from resma.aws.metrics import Metric, emit


@dataclass(frozen=True)
class FinishedAttempt:
    """An attempt that is over: how its delivery stands then, and how long the receiver took."""

    status: Literal["PENDING", "DELIVERED", "FAILED"]
    seconds: float


@contextlib.contextmanager
def measured(ended: Sequence[FinishedAttempt]) -> Iterator[None]:
    """Counts at the block's end what is in `ended` by then, however it ends. Nothing is no line.

    A delivery that is given up counts as that, and its last attempt as failed, like those before it.
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
