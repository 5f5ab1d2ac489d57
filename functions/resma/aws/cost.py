"""What a report costs: what its attempts have used of AWS, times the list prices of `prices.toml`.

Not in it: the database, data transfer, CloudWatch, the calls that asked for the report and looked at it, its webhooks,
a cold start's initialisation, and discounts.
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
"""Amounts are rounded to this: a small report costs a few hundred-thousandths of a dollar."""

_FREE_OF_CHARGE = {"AbortMultipartUpload", "DeleteObject", "DeleteObjects"}
_READS = {"GetObject", "HeadObject"}

_GIB = 1024**3
_DAYS_A_MONTH = 30


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used, in whole numbers, so that sums are exact. A row keeps it as JSON."""

    mb_milliseconds: int = 0
    """Of the worker: its memory limit in MB times the milliseconds of its invocations."""
    invocations: int = 0
    store_writes: int = 0
    store_reads: int = 0
    queue_requests: int = 0
    events_published: int = 0
    """On the topic."""
    events_put: int = 0
    """On the bus."""
    keys_written: int = 0
    byte_days: int = 0
    """Bytes of the files times the days that they are kept."""

    @classmethod
    def of_calls(cls, calls: Calls) -> Self:
        """What calls of AWS are charged as."""
        store = {operation: count for (service, operation), count in calls.items() if service == "s3"}
        return cls(
            store_writes=sum(n for name, n in store.items() if name not in _READS | _FREE_OF_CHARGE),
            store_reads=sum(n for name, n in store.items() if name in _READS),
            queue_requests=sum(n for (service, _), n in calls.items() if service == "sqs"),
            events_published=sum(n for (service, _), n in calls.items() if service == "sns"),
            events_put=sum(n for (service, _), n in calls.items() if service == "events"),
        )

    @classmethod
    def from_json(cls, kept: dict[str, int] | None) -> Self:
        """What `as_json` made; nothing of nothing.

        Of another version's row, written while one takes the other's place: what it lacks is 0, and what
        it adds is left out.
        """
        kept = kept or {}
        return cls(**{field.name: kept[field.name] for field in fields(cls) if field.name in kept})

    def as_json(self) -> dict[str, int]:
        """As a row keeps it."""
        return asdict(self)

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Usage)))


def _exact(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError('write the amount as a text, like "0.0000004"')  # noqa: TRY004  # pydantic wants this one
    return value


_Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LambdaPrices(_Table):
    """Of a function."""

    gb_second: _Amount
    request: _Amount


class StorePrices(_Table):
    """Of the object store."""

    write_request: _Amount
    read_request: _Amount
    gb_month: _Amount


class QueuePrices(_Table):
    """Of a queue."""

    request: _Amount


class TopicPrices(_Table):
    """Of a topic."""

    publish: _Amount


class BusPrices(_Table):
    """Of the bus."""

    event: _Amount


class TablePrices(_Table):
    """Of the table of jobs' keys."""

    write: _Amount


class Prices(_Table):
    """A price table: for one region, as of one day, in US dollars."""

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
    """Reads a price table. Raises pydantic's ValidationError naming each line that is missing or wrong."""
    return Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def price_usage(usage: Usage, prices: Prices) -> dict[str, str]:
    """Returns the cost as the API shows it: amounts in US dollars as texts. The parts add up to `total`.

    `lambda` is memory times time, `s3` the store's requests and the files for as long as they are kept, `requests` all
    other charges for a call. `prices` names the table.
    """
    parts: dict[str, Any] = {
        "lambda": Decimal(usage.mb_milliseconds) / 1024 / 1000 * prices.lambda_.gb_second,
        "s3": usage.store_writes * prices.s3.write_request
        + usage.store_reads * prices.s3.read_request
        + Decimal(usage.byte_days) / _GIB / _DAYS_A_MONTH * prices.s3.gb_month,
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
