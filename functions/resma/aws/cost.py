"""Cost of a report: the AWS usage of its attempts multiplied by the list prices in `prices.toml`.

The cost does not include the database, data transfer, CloudWatch, the API calls that request and read the report, its
webhooks, the initialization of a cold start, and discounts.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from resma.aws.call_counter import Calls

PRICES = Path(__file__).with_name("prices.toml")

DIGITS = Decimal("0.0000000001")
"""Precision of amounts: a small report costs a few hundred-thousandths of a dollar."""

_FREE_OF_CHARGE = {"AbortMultipartUpload", "DeleteObject", "DeleteObjects"}
_READS = {"GetObject", "HeadObject"}

_GIB = 1024**3
_DAYS_PER_MONTH = 30


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of AWS in integers, so that sums are exact. Rows store it as JSON."""

    mb_milliseconds: int = 0
    """Memory limit of the worker in MB times the milliseconds of its invocations."""
    invocations: int = 0
    store_writes: int = 0
    store_reads: int = 0
    queue_requests: int = 0
    events_published: int = 0
    """Events published to the topic."""
    events_put: int = 0
    """Events put on the bus."""
    keys_written: int = 0
    byte_days: int = 0
    """Bytes of the files times the days of their retention period."""

    @classmethod
    def of_calls(cls, calls: Calls) -> Self:
        """Returns the usage that AWS charges for a number of calls."""
        store = {operation: count for (service, operation), count in calls.items() if service == "s3"}
        return cls(
            store_writes=sum(n for name, n in store.items() if name not in _READS | _FREE_OF_CHARGE),
            store_reads=sum(n for name, n in store.items() if name in _READS),
            queue_requests=sum(n for (service, _), n in calls.items() if service == "sqs"),
            events_published=sum(n for (service, _), n in calls.items() if service == "sns"),
            events_put=sum(n for (service, _), n in calls.items() if service == "events"),
        )

    @classmethod
    def from_json(cls, stored: dict[str, int] | None) -> Self:
        """Returns the usage that `as_json` has converted; None has no usage.

        During a deployment another version may have written it: missing fields are 0, and unknown fields are ignored.
        """
        stored = stored or {}
        return cls(**{field.name: stored[field.name] for field in fields(cls) if field.name in stored})

    def as_json(self) -> dict[str, int]:
        """Returns the usage as a JSON object, for a row."""
        return asdict(self)

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Usage)))


def _exact(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError('The amount must be a string, such as "0.0000004".')  # noqa: TRY004  # pydantic converts only this
    return value


_Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LambdaPrices(_Table):
    """Prices of a function."""

    gb_second: _Amount
    request: _Amount


class StorePrices(_Table):
    """Prices of the object store."""

    write_request: _Amount
    read_request: _Amount
    gb_month: _Amount


class QueuePrices(_Table):
    """Prices of a queue."""

    request: _Amount


class TopicPrices(_Table):
    """Prices of a topic."""

    publish: _Amount


class BusPrices(_Table):
    """Prices of the bus."""

    event: _Amount


class TablePrices(_Table):
    """Prices of the DynamoDB table with the keys of jobs."""

    write: _Amount


class Prices(_Table):
    """A price table for one region and one date, in US dollars."""

    region: str
    as_of: date
    lambda_: LambdaPrices = Field(alias="lambda")
    s3: StorePrices
    sqs: QueuePrices
    sns: TopicPrices
    eventbridge: BusPrices
    dynamodb: TablePrices


@lru_cache
def read_prices(path: Path = PRICES) -> Prices:
    """Reads a price table. Raises pydantic's ValidationError, which names each line that is missing or not valid."""
    return Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def price_usage(usage: Usage, prices: Prices) -> dict[str, str]:
    """Returns the cost as the API shows it: amounts in US dollars as strings. `total` is the sum of the parts.

    `lambda` is memory times time, `s3` the requests to the store and the storage of the files for their retention
    period, and `requests` all other charges for calls. `prices` names the price table.
    """
    parts: dict[str, Any] = {
        "lambda": Decimal(usage.mb_milliseconds) / 1024 / 1000 * prices.lambda_.gb_second,
        "s3": usage.store_writes * prices.s3.write_request
        + usage.store_reads * prices.s3.read_request
        + Decimal(usage.byte_days) / _GIB / _DAYS_PER_MONTH * prices.s3.gb_month,
        "requests": usage.invocations * prices.lambda_.request
        + usage.queue_requests * prices.sqs.request
        + usage.events_published * prices.sns.publish
        + usage.events_put * prices.eventbridge.event
        + usage.keys_written * prices.dynamodb.write,
    }
    rounded = {name: Decimal(amount).quantize(DIGITS) for name, amount in parts.items()}
    return {
        "total": f"{sum(rounded.values(), Decimal(0)):f}",
        **{name: f"{amount:f}" for name, amount in rounded.items()},
        "prices": f"{prices.region} {prices.as_of:%Y-%m}",
    }
