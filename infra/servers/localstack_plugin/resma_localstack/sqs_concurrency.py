"""As many batches of an SQS source at once as its ScalingConfig allows; LocalStack itself does one after the other."""

from __future__ import annotations

import logging
import threading
from typing import Any

from localstack.services.lambda_.event_source_mapping import esm_worker
from localstack.services.lambda_.event_source_mapping.pollers.poller import EmptyPollResultsException
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller

LOG = logging.getLogger(__name__)

DEFAULT_CONCURRENCY = 5
"""AWS starts with five pollers where no ScalingConfig says otherwise."""


def apply() -> None:
    """Patches the poller of SQS queues."""
    initialise = esm_worker.EsmWorker.__init__

    def __init__(self: Any, esm_config: Any, poller: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, esm_config, poller, *args, **kwargs)
        if isinstance(poller, SqsPoller):
            limit = (esm_config.get("ScalingConfig") or {}).get("MaximumConcurrency") or DEFAULT_CONCURRENCY
            poller.resma_places = threading.BoundedSemaphore(int(limit))

    esm_worker.EsmWorker.__init__ = __init__
    SqsPoller.poll_events = _poll_events


def _poll_events(self: Any) -> None:
    """Receives one batch when there is a place for it, and handles it in a thread of its own."""
    if not self.resma_places.acquire(timeout=1):
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
        self.resma_places.release()
        raise


def _handle(poller: Any, messages: list[dict[str, Any]]) -> None:
    try:
        poller.handle_messages(messages)
    except Exception as error:
        # As on AWS: the batch is not deleted, and comes again when its visibility runs out.
        LOG.warning("a batch of %s has failed: %s", poller.source_arn, error)
    finally:
        poller.resma_places.release()
