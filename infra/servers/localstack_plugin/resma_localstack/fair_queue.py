"""Makes standard queues fair between message groups, as in SQS. LocalStack delivers in the order of arrival.

Start-time fair queueing (Goyal, Vin, Cheng 1996): a message's tag is one more than its group's last tag, or the tag of
the message that was received last, whichever is later. The lowest tag is received first, so that groups take turns
and a group that was silent is next, however many messages of others wait. Messages without a group are one group.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from localstack.services.sqs.models import StandardQueue

_arrivals = count()


def apply() -> None:
    """Patches standard queues. SqsMessage compares by `priority`, and the lowest is received first."""
    put, receive, clear = StandardQueue._put_message, StandardQueue.receive, StandardQueue.clear

    def _put_message(self: Any, message: Any) -> None:
        if not isinstance(message.priority, tuple):  # a message that is received again keeps its tag
            message.priority = (_next_tag(self, message.message_group_id), next(_arrivals))
        put(self, message)

    def receive_fairly(self: Any, *args: Any, **kwargs: Any) -> Any:
        received = receive(self, *args, **kwargs)
        with self.mutex:
            tags = [message.priority[0] for message in received.successful if isinstance(message.priority, tuple)]
            self.resma_now = max([_now(self), *tags])
        return received

    def clear_tags(self: Any) -> None:
        self.resma_tags = {}
        clear(self)

    StandardQueue._put_message = _put_message
    StandardQueue.receive = receive_fairly
    StandardQueue.clear = clear_tags


def _now(queue: Any) -> int:
    return getattr(queue, "resma_now", 0)


def _next_tag(queue: Any, group: str | None) -> int:
    with queue.mutex:
        now = _now(queue)
        # A group whose last tag has passed is treated as a new group.
        tags = {name: tag for name, tag in getattr(queue, "resma_tags", {}).items() if tag > now}
        tag = tags[group] = max(now, tags.get(group, now)) + 1
        queue.resma_tags = tags
        return tag
