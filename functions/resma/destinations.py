"""Where events go: the topic of SNS, and the bus of EventBridge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from resma.errors import BusRefused

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sns import SNSClient
    from types_boto3_sns.type_defs import MessageAttributeValueTypeDef

SOURCE = "resma"
"""Of all that we put on the bus. The rule of `Report Requested` takes nothing that has it."""


class Destination(Protocol):
    """One of the two."""

    mark: ClassVar[str]
    """The column of `resma.events` that says when an event was sent there; NULL is not yet."""

    def send(self, message: dict[str, Any]) -> None:
        """Sends a described event. Raises what boto3 raises, and BusRefused."""


@dataclass(frozen=True)
class Topic:
    """Where subscribers are, the webhook function among them."""

    mark: ClassVar[str] = "published_at"
    sns: SNSClient
    arn: str

    def send(self, message: dict[str, Any]) -> None:
        """Sends an event with attributes that subscribers can filter by.

        `format` is an array of them all: a filter policy that names one of them matches.
        """
        data = message["data"]
        texts = {
            "event": message["type"],
            "tenantId": data["tenantId"],
            "type": data["type"],
            "status": data["status"],
        }
        attributes: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in texts.items()
        }
        attributes["format"] = {"DataType": "String.Array", "StringValue": json.dumps(data["formats"])}
        self.sns.publish(TopicArn=self.arn, Message=_as_text(message), MessageAttributes=attributes)


@dataclass(frozen=True)
class Bus:
    """Where rules are: everything that an event holds can be matched."""

    mark: ClassVar[str] = "put_on_bus_at"
    events: EventBridgeClient
    name: str

    def send(self, message: dict[str, Any]) -> None:
        """Puts a described event on the bus."""
        self.put("Report Completed", message)

    def put(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Puts an event on the bus. Raises BusRefused where the call was well and the entry was not.

        EventBridge takes 256 KB an entry, as SNS does a message.
        """
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": _as_text(detail), "EventBusName": self.name}
        answer = self.events.put_events(Entries=[entry])  # type: ignore[list-item]  # a TypedDict of these very names
        if answer["FailedEntryCount"]:
            code = answer["Entries"][0].get("ErrorCode")
            raise BusRefused(f"the bus has not taken an event ({code}): check that the bus {self.name} exists")


def _as_text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)
