"""Where events go: the topic of SNS, and the bus of EventBridge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from botocore.exceptions import ClientError, ParamValidationError

from resma.errors import BusRefusedError, EventTooLargeError

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_sns import SNSClient
    from types_boto3_sns.type_defs import MessageAttributeValueTypeDef

SOURCE = "resma"
"""Of all that we put on the bus. The rule of `Report Requested` takes nothing that has it."""


MAX_EVENT_BYTES = 256 * 1024
"""What SNS takes of a message with its attributes, and EventBridge of an entry with its other fields."""

_OTHER_BYTES = 2048
"""Of the attributes, and of an entry's other fields."""

_INVALID = {
    "EventTooLargeError",
    "InvalidArgument",
    "InvalidParameter",
    "InvalidParameterValue",
    "MalformedDetail",
    "ParamValidationError",
    "RequestEntityTooLarge",
    "ValidationError",
    "ValidationException",
}
"""Codes that say that the event itself is refused: it would be again."""


class Destination(Protocol):
    """One of the two."""

    name: ClassVar[str]
    """As `resma.event_failures` has it."""

    mark: ClassVar[str]
    """The column of `resma.events` that says when an event was sent there; NULL is not yet."""

    def send(self, message: dict[str, Any]) -> None:
        """Sends a described event. Raises what boto3 raises, BusRefusedError and EventTooLargeError."""


@dataclass(frozen=True)
class Topic:
    """Where subscribers are, the webhook function among them."""

    name: ClassVar[str] = "topic"
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

    name: ClassVar[str] = "bus"
    mark: ClassVar[str] = "published_to_bus_at"
    events: EventBridgeClient
    bus_name: str

    def send(self, message: dict[str, Any]) -> None:
        """Puts a described event on the bus."""
        self.put("Report Completed", message)

    def put(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Puts an event on the bus.

        Raises BusRefusedError where the call was well and the entry was not, EventTooLargeError.
        """
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": _as_text(detail), "EventBusName": self.bus_name}
        answer = self.events.put_events(Entries=[entry])  # type: ignore[list-item]  # a TypedDict of these very names
        if answer["FailedEntryCount"]:
            code = answer["Entries"][0].get("ErrorCode")
            raise BusRefusedError(
                f"The event bus {self.bus_name!r} has refused an event ({code}). Check that the bus exists.",
                reason=code or "unknown",
            )


def error_code(error: Exception) -> str:
    """Returns what an error of `send` is called: the service's code, or the class."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown"))
    return error.reason if isinstance(error, BusRefusedError) else type(error).__name__


def is_invalid(error: Exception) -> bool:
    """Returns whether the event itself was refused, so that sending it again is of no use."""
    return isinstance(error, ParamValidationError | EventTooLargeError) or error_code(error) in _INVALID


def _as_text(document: dict[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False)
    if (size := len(text.encode())) > MAX_EVENT_BYTES - _OTHER_BYTES:
        raise EventTooLargeError(f"The event has {size} bytes. Topic and bus take at most {MAX_EVENT_BYTES}.")
    return text
