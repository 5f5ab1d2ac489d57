"""Handles as many batches of an SQS source concurrently as its ScalingConfig allows. LocalStack itself handles one."""

from __future__ import annotations

import logging
import threading
from typing import Any

from localstack.services.lambda_.event_source_mapping import esm_worker
from localstack.services.lambda_.event_source_mapping.pollers.poller import EmptyPollResultsException
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller

LOG = logging.getLogger(__name__)

DEFAULT_CONCURRENCY = 5
"""Number of batches without a ScalingConfig. AWS starts with five pollers."""


def apply() -> None:
    """Patches the poller of SQS queues."""
    initialize = esm_worker.EsmWorker.__init__

    def __init__(self: Any, esm_config: Any, poller: Any, *args: Any, **kwargs: Any) -> None:
        initialize(self, esm_config, poller, *args, **kwargs)
        if isinstance(poller, SqsPoller):
            limit = (esm_config.get("ScalingConfig") or {}).get("MaximumConcurrency") or DEFAULT_CONCURRENCY
            poller.resma_slots = threading.BoundedSemaphore(int(limit))

    esm_worker.EsmWorker.__init__ = __init__
    SqsPoller.poll_events = _poll_events


def _poll_events(self: Any) -> None:
    """Waits for a free slot, receives one batch, and handles it in a thread."""
    if not self.resma_slots.acquire(timeout=1):
        return
    try:
        received = self.source_client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(self.batch_size, 10),
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        messages = received.get("Messages", [])
        if not messages:
            raise EmptyPollResultsException(service="sqs", source_arn=self.source_arn)
        thread = threading.Thread(target=_handle, args=(self, messages), name="sqs-batch", daemon=True)
        thread.start()
    except BaseException:
        self.resma_slots.release()
        raise


def _handle(poller: Any, messages: list[dict[str, Any]]) -> None:
    try:
        poller.handle_messages(messages)
    except Exception as error:
        # As on AWS, the batch is not deleted, and is received again after its visibility timeout.
        LOG.warning("A batch of %s has failed: %s", poller.source_arn, error)
    finally:
        poller.resma_slots.release()
