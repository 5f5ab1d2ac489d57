"""Plans a chaos run from a seed: which reports are requested when, and which faults are injected when.

Three kinds of blocks alternate. In worker blocks, workers are killed or frozen and the database and the queue work, so
that the time to recover is that of one fault. In service blocks, the database and the queue fail. Object store, topic,
messages, receivers of webhooks and recipients of files fail in both. In split blocks, each phase of a split report
loses workers or its snapshot, the messages of its live shards are duplicated, and the database fails while they are
generated. Outages (`outages.py`) start after all other faults, so that during them nothing else prevents a report from
being READY.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.chaos.outages import OutageOptions, PlannedOutage, plan_outages
from tests.chaos.split_contents import split_contents

Kind = Literal[
    "kill-workers", "freeze-workers", "stretch-leases", "kill-api", "kill-webhook",
    "database-restart", "database-refuse", "database-stall", "database-cut",
    "s3-refuse", "s3-stall", "s3-cut", "s3-slow",
    "sqs-refuse", "sqs-stall", "sns-refuse", "sns-stall",
    "duplicate-messages", "borrow-messages",
    "sftp-refuse", "sftp-stall", "sftp-cut", "sftp-slow", "sftp-login", "sftp-restart", "kill-delivery",
    "bucket-refuse", "bucket-stall", "bucket-cut", "bucket-slow", "bucket-error", "missing-bucket",
    "kill-split-planning", "kill-split-sending", "kill-split-shards", "lose-snapshot", "kill-split-manifest",
    "duplicate-split-messages", "database-failover-split",
]  # fmt: skip
DestinationName = Literal["copied", "streamed", "sftp"]
"""Destinations of a run: a bucket into which the store copies files, one into which they are streamed, and a folder of
an SFTP server."""
Behavior = Literal["fail", "hang", "redirect", "garbage", "close"]
"""How a webhook receiver responds: with 500; not at all; with 307; with bytes that are not HTTP; by closing the
connection."""

ROWS = 60_000
"""Number of transactions of the demo bank. A CSV of all of them has two parts."""
ACCOUNTS = 120
"""Number of its accounts. A split report of all statements has several shards."""

AIMED_AT_REPORTS: tuple[Kind, ...] = ("kill-workers", "freeze-workers", "stretch-leases")
"""Faults that need a report in progress."""

AIMED_AT_SPLIT_REPORTS: Mapping[Kind, float] = {
    "kill-split-planning": 0.0,
    "kill-split-sending": 8.0,
    "kill-split-shards": 16.0,
    "lose-snapshot": 26.0,
    "kill-split-manifest": 36.0,
    "duplicate-split-messages": 46.0,
    "database-failover-split": 54.0,
}
"""Faults that need a split report in one of its phases, with their times in a split block."""

DESTINATIONS: tuple[DestinationName, ...] = ("copied", "streamed", "sftp")
BEHAVIORS: tuple[Behavior, ...] = ("fail", "redirect", "garbage", "close", "hang")
FORMATS = ("CSV", "NDJSON", "PDF", "XLSX", "PARQUET")
COMPRESSIONS = ("none", "gzip", "zstd")

WORKER_BLOCK_SECONDS = 44.0
"""Length of a worker block: longer than it can take until another worker has the job of a worker that died."""
SERVICE_BLOCK_SECONDS = 26.0
"""Length of a service block."""
SPLIT_BLOCK_SECONDS = 80.0
"""Length of a split block. With the worker block after it, it is longer than its faults can be late."""

OUTAGES_AFTER_SECONDS = 20.0
"""Time from the start of the last fault to the first outage."""

MIN_BLOCKS = 3
"""Minimum number of blocks of each kind: after three, every kind of fault was injected."""


@dataclass(frozen=True)
class PlannedRequest:
    """A report to request. `content` is an index into the plan's contents."""

    number: int
    at_seconds: float
    content: int
    behaviors: tuple[Behavior, ...] | None
    """How its receiver responds before it accepts the webhook; None if the request has no callback URL."""
    deliver_to: tuple[DestinationName, ...] = ()
    """Destinations of its files."""
    target_of: Kind | None = None
    """Fault that is aimed at this report: the request is sent when the fault waits for it, which may be later."""


@dataclass(frozen=True)
class PlannedFault:
    """A fault to inject: when it starts and how long it lasts. `choice` is a random number from 0 to 1."""

    at_seconds: float
    kind: Kind
    seconds: float
    choice: float


@dataclass(frozen=True)
class ChaosPlan:
    """The plan of a chaos run."""

    seed: int
    contents: Sequence[dict[str, Any]]
    """Distinct bodies of requests, without a callback URL."""
    requests: Sequence[PlannedRequest]
    faults: Sequence[PlannedFault]
    outages: Sequence[PlannedOutage]

    @property
    def longest_outage_seconds(self) -> float:
        """The length of the longest outage; 0 without outages."""
        return max((outage.seconds for outage in self.outages), default=0.0)


def make_plan(seed: int, reports: int, outages: OutageOptions, *, is_quick: bool = False) -> ChaosPlan:
    """Returns the plan of a seed: always the same plan for the same arguments."""
    chance = random.Random(seed)
    faults = list(_faults(chance, is_quick=is_quick, seconds=max(90.0, reports * 0.9)))
    last = max(fault.at_seconds for fault in faults)
    plain = _contents(chance, 16 if is_quick else 60)
    split = split_contents(chance)
    split_faults = [fault for fault in faults if fault.kind in AIMED_AT_SPLIT_REPORTS]
    targets = [
        fault.at_seconds + chance.uniform(0, 0.5)
        for fault in faults
        if fault.kind in AIMED_AT_REPORTS
        for _ in range(3)
    ]
    # Outages start after the last fault and the attempts that it ends.
    planned = list(plan_outages(chance, last + OUTAGES_AFTER_SECONDS, outages))
    targets += [outage.at_seconds + outage.seconds * chance.uniform(-0.1, 0.6) for outage in planned for _ in range(2)]
    last = max([last, *(outage.ends_at_seconds for outage in planned)])
    requests = _requests(chance, max(len(plain), reports - len(split_faults) - 1), len(plain), last, targets)
    # The last content is SKIPPED, so no phase is aimed at it.
    for number, fault in enumerate(split_faults):
        content = len(plain) + number % (len(split) - 1)
        requests.append(
            PlannedRequest(
                len(requests), fault.at_seconds, content, _behaviors(chance), _destinations(chance), fault.kind
            )
        )
    skipped = len(plain) + len(split) - 1
    requests.append(PlannedRequest(len(requests), chance.uniform(0, last), skipped, _behaviors(chance)))
    return ChaosPlan(seed, [*plain, *split], requests, faults, planned)


def _contents(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Returns distinct contents, with every format and compression among them for every seed."""
    contents = [
        {"type": "TRANSACTIONS", "format": "CSV", "filters": {"from": "2024-01-01"}},
        {"type": "TRANSACTIONS", "formats": list(FORMATS), "filters": {"from": "2025-03-01", "to": "2025-03-31"}},
        *(_content(chance, format_) for format_ in FORMATS),
        *(_content(chance, format_, compression) for format_ in ("CSV", "NDJSON") for compression in COMPRESSIONS[1:]),
    ]
    while len(contents) < count:
        more = _content(chance, chance.choice(FORMATS))
        if more not in contents:
            contents.append(more)
    return contents


def _content(chance: random.Random, format_: str, compression: str | None = None) -> dict[str, Any]:
    type_ = chance.choice(["TRANSACTIONS", "TRANSACTIONS", "ACCOUNT_STATEMENT", "DAILY_SUMMARY", "AUDIT_TRAIL"])
    body: dict[str, Any] = {
        "type": type_,
        "format": format_,
        "filters": _period(chance, format_),
        "locale": chance.choice(["en-US", "en-GB", "pt-BR", "de-DE"]),
        "timeZone": chance.choice(["UTC", "America/Sao_Paulo", "Europe/Berlin"]),
    }
    if type_ == "ACCOUNT_STATEMENT":
        body["filters"]["account"] = account(chance.randrange(ACCOUNTS))
    compression = compression or chance.choice(COMPRESSIONS)
    if format_ in {"CSV", "NDJSON"} and compression != "none":
        body["options"] = {format_.lower(): {"compression": compression}}
    if chance.random() < 0.15:
        del body["format"]
        body["formats"] = [format_, *chance.sample([other for other in FORMATS if other != format_], 2)]
    return body


def account(number: int) -> str:
    """Returns the name of an account of the demo bank (infra/demo/demo_bank.sql)."""
    return f"BR{1000 + number * 37 % 400}-{(number * 7919 + 104729) % 1_000_000:06}"


def _period(chance: random.Random, format_: str) -> dict[str, Any]:
    """Returns the filters of a day, a month, a quarter, or rarely of everything: from about 80 rows to all of them."""
    year, month = chance.choice([2024, 2025]), chance.randrange(1, 11)
    size = chance.choices(["nothing", "day", "month", "quarter", "all"], [1, 3, 6, 3, 0 if format_ == "PDF" else 2])[0]
    first = f"{year}-{month:02}-01"
    last = {"day": first, "month": f"{year}-{month:02}-28", "quarter": f"{year}-{month + 2:02}-28"}
    if size == "nothing":
        return {"from": "2030-01-01"}
    return {"from": first, "to": last[size]} if size in last else {"from": "2024-01-01"}


def _requests(
    chance: random.Random, reports: int, contents: int, seconds: float, targets: Sequence[float]
) -> list[PlannedRequest]:
    """Returns the requests. Some are timed so that a fault hits them; half of the others come in bursts.

    If there are enough requests, each content is requested.
    """
    targets = chance.sample(targets, min(len(targets), reports * 3 // 4))
    bursts = [chance.uniform(0, seconds) for _ in range(max(3, reports // 40))]
    timestamps = sorted(
        targets[number]
        if number < len(targets)
        else chance.choice(bursts) + chance.uniform(0, 1)
        if chance.random() < 0.5
        else chance.uniform(0, seconds)
        for number in range(reports)
    )
    chosen = [number % contents if number < contents else chance.randrange(contents) for number in range(reports)]
    chance.shuffle(chosen)
    return [
        PlannedRequest(number, at, content, _behaviors(chance), _destinations(chance))
        for number, (at, content) in enumerate(zip(timestamps, chosen, strict=True))
    ]


def _destinations(chance: random.Random) -> tuple[DestinationName, ...]:
    """Returns the destinations of a request: none for four requests of ten, and otherwise one to three."""
    if chance.random() < 0.4:
        return ()
    return tuple(chance.sample(DESTINATIONS, chance.choice([1, 1, 2, 3])))


def _behaviors(chance: random.Random) -> tuple[Behavior, ...] | None:
    if chance.random() < 0.25:
        return None
    if chance.random() < 0.6:
        return ()
    # A receiver that hangs blocks a function for 20 s, so only one in eleven does.
    return tuple(chance.choices(BEHAVIORS, [4, 2, 2, 2, 1])[0] for _ in range(chance.choice([1, 1, 2, 3])))


def _faults(chance: random.Random, *, is_quick: bool, seconds: float) -> Iterator[PlannedFault]:
    if is_quick:
        yield from _quick_faults(chance)
        return
    at, block = 1.0, 0
    while at < seconds or block < MIN_BLOCKS:
        yield from _worker_faults(chance, at, block)
        at += WORKER_BLOCK_SECONDS
        yield from _service_faults(chance, at, block)
        at += SERVICE_BLOCK_SECONDS
        yield from _split_faults(chance, at)
        at += SPLIT_BLOCK_SECONDS
        block += 1


def _worker_faults(chance: random.Random, at: float, block: int) -> Iterator[PlannedFault]:
    def planned(after: float, kind: Kind, seconds: float) -> PlannedFault:
        return PlannedFault(at + after + chance.uniform(0, 1), kind, seconds, chance.random())

    yield planned(0, "kill-workers", 4)
    yield planned(5, "freeze-workers", 34)
    yield planned(12, "stretch-leases", chance.uniform(3, 6))
    yield planned(chance.uniform(18, 22), _turn(block, "s3-cut", "s3-slow", "s3-refuse"), chance.uniform(1, 3))
    yield planned(chance.uniform(1, 8), "duplicate-messages", 0)
    yield planned(chance.uniform(10, 20), "borrow-messages", chance.uniform(1, 4))
    yield planned(chance.uniform(1, 20), _turn(block, "sns-refuse", "sns-stall"), chance.uniform(2, 8))
    yield planned(chance.uniform(1, 30), "kill-webhook", 0)
    yield planned(1, "kill-delivery", 0)
    yield planned(12, "sftp-cut", 4)
    yield planned(20, _turn(block, "sftp-stall", "sftp-slow", "sftp-refuse"), chance.uniform(2, 6))
    yield planned(chance.uniform(1, 20), _turn(block, "bucket-refuse", "bucket-stall", "bucket-cut"), 4)
    if block == 0:
        yield planned(0, "missing-bucket", 30)


def _service_faults(chance: random.Random, at: float, block: int) -> Iterator[PlannedFault]:
    def planned(after: float, kind: Kind, seconds: float) -> PlannedFault:
        return PlannedFault(at + after + chance.uniform(0, 1), kind, seconds, chance.random())

    yield planned(0, "database-restart", chance.uniform(1, 5))
    yield planned(9, _turn(block, "database-refuse", "database-stall", "database-cut"), chance.uniform(1, 4))
    yield planned(chance.uniform(3, 5), _turn(block, "s3-refuse", "s3-stall"), chance.uniform(1, 4))
    yield planned(chance.uniform(12, 14), _turn(block, "sqs-refuse", "sqs-stall"), chance.uniform(2, 5))
    yield planned(chance.uniform(1, 20), "kill-api", 0)
    yield planned(chance.uniform(1, 20), "duplicate-messages", 0)
    yield planned(1, "sftp-restart", chance.uniform(1, 4))
    yield planned(12, "sftp-login", chance.uniform(3, 8))
    yield planned(chance.uniform(1, 15), _turn(block, "bucket-error", "bucket-slow"), 4)


def _split_faults(chance: random.Random, at: float) -> Iterator[PlannedFault]:
    for kind, after in AIMED_AT_SPLIT_REPORTS.items():
        yield PlannedFault(at + after + chance.uniform(0, 1), kind, 0, chance.random())


def _turn(block: int, *kinds: Kind) -> Kind:
    return kinds[block % len(kinds)]


def _quick_faults(chance: random.Random) -> Iterator[PlannedFault]:
    """Yields a fault of each kind, with short pauses."""
    times: list[tuple[float, Kind, float]] = [
        (1, "kill-workers", 3),
        (2, "sns-refuse", 4),
        (5, "duplicate-messages", 0),
        (6, "freeze-workers", 34),
        (8, "sns-stall", 3),
        (9, "borrow-messages", 3),
        (12, "stretch-leases", 4),
        (14, "kill-webhook", 0),
        (19, "s3-cut", 2),
        (22, "s3-slow", 2),
        (25, "s3-refuse", 2),
        (28, "s3-stall", 2),
        (41, "database-restart", 2),
        (42, "kill-api", 0),
        (46, "database-refuse", 2),
        (49, "database-stall", 2),
        (50, "sqs-refuse", 3),
        (52, "database-cut", 2),
        (54, "sqs-stall", 3),
        (57, "duplicate-messages", 0),
        (0, "missing-bucket", 25),
        (3, "kill-delivery", 0),
        (15, "sftp-cut", 4),
        (21, "sftp-slow", 4),
        (27, "sftp-stall", 3),
        (33, "sftp-refuse", 4),
        (40, "sftp-login", 5),
        (48, "sftp-restart", 3),
        (10, "bucket-refuse", 3),
        (17, "bucket-stall", 3),
        (24, "bucket-cut", 3),
        (31, "bucket-slow", 3),
        (38, "bucket-error", 3),
    ]
    for at, kind, seconds in times:
        yield PlannedFault(at + chance.uniform(0, 0.5), kind, seconds, chance.random())
    yield from _split_faults(chance, 62)
