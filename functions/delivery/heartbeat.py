"""The heartbeat of a delivery: renews the lease while a file is sent, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger

from resma.errors import LeaseLostError, ResmaError

logger = Logger(child=True)

BEAT_SECONDS = 10.0


@contextmanager
def heartbeat(renew: Callable[[], None]) -> Iterator[threading.Event]:
    """Calls `renew` every BEAT_SECONDS during the block. The event is set once the lease is lost.

    A heartbeat that fails for another reason is logged. If it fails until the lease has expired, the next write of the
    delivery finds whether another function has claimed it.
    """
    lost, stop = threading.Event(), threading.Event()

    def run() -> None:
        while not stop.wait(BEAT_SECONDS):
            try:
                renew()
            except LeaseLostError:
                lost.set()
                return
            except ResmaError as error:
                logger.warning("a heartbeat of a delivery was lost", error=error.code)

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        stop.set()
        thread.join()
