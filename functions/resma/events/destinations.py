"""Destinations of events: the SNS topic and the EventBridge bus."""

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
"""`source` of all events that Resma puts on the bus. The rule for `Report Requested` excludes it."""

MAX_EVENT_BYTES = 256 * 1024
"""Maximum size of an SNS message with its attributes, and of an EventBridge entry with its other fields."""

_OTHER_BYTES = 2048
"""Size that is reserved for the attributes of a message and the other fields of an entry."""

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
"""Error codes that are about the event itself, so that sending it again cannot succeed."""


class Destination(Protocol):
    """The topic or the bus."""

    name: ClassVar[str]
    """Name of the destination in `resma.event_failures`."""

    mark: ClassVar[str]
    """Column of `resma.events` with the timestamp at which an event was sent there; NULL if it was not sent yet."""

    def send(self, message: dict[str, Any]) -> None:
        """Sends an event from `describe_event`. Raises BusRefusedError, EventTooLargeError and boto3's errors."""


@dataclass(frozen=True)
class Topic:
    """The SNS topic. The webhook function is one of its subscribers."""

    name: ClassVar[str] = "topic"
    mark: ClassVar[str] = "published_at"
    sns: SNSClient
    arn: str

    def send(self, message: dict[str, Any]) -> None:
        """Sends an event with attributes that subscribers can filter by.

        The attribute `format` is an array of all formats: a filter policy that names one of them matches.
        """
        data = message["data"]
        values = {
            "event": message["type"],
            "tenantId": data["tenantId"],
            "type": data["type"],
            "status": data["status"],
        }
        attributes: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in values.items()
        }
        attributes["format"] = {"DataType": "String.Array", "StringValue": json.dumps(data["formats"])}
        self.sns.publish(TopicArn=self.arn, Message=_as_text(message), MessageAttributes=attributes)


@dataclass(frozen=True)
class Bus:
    """The EventBridge bus. Its rules can match every property of an event."""

    name: ClassVar[str] = "bus"
    mark: ClassVar[str] = "published_to_bus_at"
    events: EventBridgeClient
    bus_name: str

    def send(self, message: dict[str, Any]) -> None:
        """Puts a completion event on the bus."""
        self.put("Report Completed", message)

    def put(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Puts an event on the bus.

        Raises BusRefusedError if the call succeeded and the entry failed, EventTooLargeError, and boto3's errors.
        """
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": _as_text(detail), "EventBusName": self.bus_name}
        answer = self.events.put_events(Entries=[entry])  # type: ignore[list-item]  # it has the TypedDict's keys
        if answer["FailedEntryCount"]:
            code = answer["Entries"][0].get("ErrorCode")
            raise BusRefusedError(
                f"The event bus {self.bus_name!r} rejected an event ({code}). Check that the bus exists.",
                reason=code or "unknown",
            )


def error_code(error: Exception) -> str:
    """Returns the code of an error of `send`: the service's error code, or the name of the class."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown"))
    return error.reason if isinstance(error, BusRefusedError) else type(error).__name__


def is_invalid(error: Exception) -> bool:
    """Returns whether the event itself was rejected, so that sending it again cannot succeed."""
    return isinstance(error, ParamValidationError | EventTooLargeError) or error_code(error) in _INVALID


def _as_text(document: dict[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False)
    if (size := len(text.encode())) > MAX_EVENT_BYTES - _OTHER_BYTES:
        raise EventTooLargeError(f"The event has {size} bytes. Topic and bus accept at most {MAX_EVENT_BYTES}.")
    return text
