"""The cost of a report: computed amounts, and a price table in which every line counts."""

from __future__ import annotations

import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from resma.aws.cost import PRICES, Prices, Usage, price_usage, read_prices

MIB = 1024**2

# A worker of 1,792 MB that took 1.3 s, a file of 32 MiB in 7 requests and kept for 30 days, one message hidden twice.
REPORT = Usage(
    mb_milliseconds=1792 * 1300,
    invocations=1,
    store_writes=7,
    store_reads=1,
    queue_requests=5,
    events_published=1,
    events_put=1,
    keys_written=2,
    byte_days=32 * MIB * 30,
)

TABLE = tomllib.loads(PRICES.read_text(encoding="utf-8"))


# Section and name of every amount.
AMOUNTS = [(section, name) for section, amounts in TABLE.items() if isinstance(amounts, dict) for name in amounts]


def test_the_cost_of_a_report_is_its_usage_times_the_prices() -> None:
    assert price_usage(REPORT, read_prices()) == {
        # 1.75 GB x 1.3 s = 2.275 GB-s, x 0.0000133334 = 0.000030333485
        "lambda": "0.0000303335",
        # 7 x 0.000005 + 1 x 0.0000004 = 0.0000354; 1/32 GB-month x 0.023 = 0.00071875
        "s3": "0.0007541500",
        # 0.0000002 + 5 x 0.0000004 + 0.0000005 + 0.000001 + 2 x 0.000000625
        "requests": "0.0000049500",
        "total": "0.0007894335",
        "prices": "us-east-1 2025-06",
    }


def test_no_usage_costs_nothing() -> None:
    assert set(price_usage(Usage(), read_prices()).values()) == {"0.0000000000", "us-east-1 2025-06"}


@pytest.mark.parametrize(
    "usage", [REPORT, Usage(mb_milliseconds=1), Usage(mb_milliseconds=10**15, store_writes=10**9, byte_days=10**18)]
)
def test_the_parts_add_up_to_the_total(usage: Usage) -> None:
    cost = {name: text for name, text in price_usage(usage, read_prices()).items() if name != "prices"}
    total = Decimal(cost.pop("total"))
    assert sum(map(Decimal, cost.values())) == total
    assert "E" not in f"{cost}"


@pytest.mark.parametrize("amount", AMOUNTS)
def test_every_price_counts(amount: tuple[str, str]) -> None:
    section, name = amount
    doubled = {**TABLE, section: {**TABLE[section], name: f"{Decimal(TABLE[section][name]) * 2:f}"}}
    before, after = (price_usage(REPORT, Prices.model_validate(table)) for table in (TABLE, doubled))
    assert Decimal(after["total"]) > Decimal(before["total"])


@pytest.mark.parametrize("amount", AMOUNTS)
def test_every_price_is_required(amount: tuple[str, str]) -> None:
    section, name = amount
    without = {**TABLE, section: {key: value for key, value in TABLE[section].items() if key != name}}
    with pytest.raises(ValidationError, match=name):
        Prices.model_validate(without)


@pytest.mark.parametrize("wrong", [0.0000002, "-0.1", "NaN", "Infinity", "cheap", None, True])
def test_an_amount_must_be_a_string_with_a_number(wrong: object) -> None:
    with pytest.raises(ValidationError, match="request"):
        Prices.model_validate({**TABLE, "sqs": {"request": wrong}})


def test_an_unknown_price_is_refused() -> None:
    with pytest.raises(ValidationError, match="glacier"):
        Prices.model_validate({**TABLE, "s3": {**TABLE["s3"], "glacier": "1"}})


def test_another_price_table_can_be_used(tmp_path: Path) -> None:
    text = PRICES.read_text(encoding="utf-8").replace("us-east-1", "sa-east-1").replace('"0.000005"', '"0.000007"')
    other = tmp_path / "prices.toml"
    other.write_text(text, encoding="utf-8")
    cost = price_usage(REPORT, read_prices(other))
    assert (cost["s3"], cost["prices"]) == ("0.0007681500", "sa-east-1 2025-06")


def test_calls_are_charged_by_their_kind() -> None:
    calls = Counter(
        {
            ("s3", "CreateMultipartUpload"): 1,
            ("s3", "UploadPart"): 5,
            ("s3", "CompleteMultipartUpload"): 1,
            ("s3", "ListMultipartUploads"): 2,
            ("s3", "HeadObject"): 3,
            ("s3", "GetObject"): 1,
            ("s3", "DeleteObject"): 9,
            ("s3", "AbortMultipartUpload"): 9,
            ("sqs", "ChangeMessageVisibility"): 4,
            ("sns", "Publish"): 1,
            ("events", "PutEvents"): 1,
            ("secretsmanager", "GetSecretValue"): 2,
        }
    )
    assert Usage.of_calls(calls) == Usage(
        store_writes=9, store_reads=4, queue_requests=4, events_published=1, events_put=1
    )


def test_usage_can_be_added_and_stored_as_json() -> None:
    assert REPORT + Usage() == REPORT
    assert (REPORT + REPORT).mb_milliseconds == 2 * REPORT.mb_milliseconds
    assert Usage.from_json((REPORT + REPORT).as_json()) == REPORT + REPORT
    assert Usage.from_json(None) == Usage()


def test_usage_stored_by_another_version_is_read() -> None:
    stored = {"invocations": 3, "quantum_seconds": 7}
    assert Usage.from_json(stored) == Usage(invocations=3)
    assert Usage.from_json(stored) + Usage(store_reads=1) == Usage(invocations=3, store_reads=1)
