"""LocalStack's standard queue with the plug-in's patch is fair between tenants, like SQS fair queues."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from infra.paths import LOCALSTACK_PYTHON
from infra.servers.localstack import PLUGIN

_USE = """
import json, sys
from localstack.services.sqs.models import StandardQueue
from resma_localstack import fair_queue

fair_queue.apply()
received = {}
for name, steps in json.load(sys.stdin).items():
    queue = StandardQueue(name, "us-east-1", "000000000000")
    number = 0
    received[name] = []
    for step in steps:
        if "send" in step:
            for _ in range(step.get("times", 1)):
                number += 1
                queue.put({"MessageId": str(number), "Body": "{}"}, message_group_id=step["send"])
        else:
            got = queue.receive(num_messages=step["receive"], visibility_timeout=step.get("hide", 600))
            received[name].append([[m.message_group_id, int(m.message_id)] for m in got.successful])
print(json.dumps(received))
"""

_STEPS: dict[str, list[dict[str, Any]]] = {
    "one-behind-a-thousand": [{"send": "a", "times": 1000}, {"receive": 5}, {"send": "b"}, {"receive": 2}],
    "turns": [{"send": "a", "times": 9}, {"send": "b", "times": 9}, {"send": "c", "times": 3}, {"receive": 9}],
    "silent": [{"send": "a", "times": 100}, {"receive": 50}, {"send": "b", "times": 50}, {"receive": 20}],
    "without-a-group": [{"send": None, "times": 5}, {"send": "a", "times": 5}, {"receive": 4}],
    "again": [{"send": "a", "times": 3}, {"receive": 1, "hide": 0}, {"receive": 2}],
}

Received = dict[str, list[list[list[Any]]]]


@pytest.fixture(scope="module")
def received() -> Received:
    """Returns the groups and numbers that each `receive` of each of `_STEPS` got, in LocalStack's environment."""
    done = subprocess.run(
        [str(LOCALSTACK_PYTHON), "-c", _USE],
        input=json.dumps(_STEPS),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PLUGIN)},
    )
    assert done.returncode == 0, done.stderr
    found: Received = json.loads(done.stdout.splitlines()[-1])
    return found


def test_one_message_of_another_group_does_not_wait_for_a_thousand(received: Received) -> None:
    first, then = received["one-behind-a-thousand"]
    assert first == [["a", 1], ["a", 2], ["a", 3], ["a", 4], ["a", 5]], "in the order in which they were sent"
    assert ["b", 1001] in then


def test_groups_take_turns_regardless_of_the_order_of_sending(received: Received) -> None:
    (got,) = received["turns"]
    assert [group for group, _ in got] == ["a", "b", "c"] * 3


def test_a_group_that_was_silent_gets_no_credit(received: Received) -> None:
    _, got = received["silent"]
    assert [group for group, _ in got].count("b") == 10


def test_messages_without_a_group_are_one_group(received: Received) -> None:
    (got,) = received["without-a-group"]
    assert [group for group, _ in got] == [None, "a", None, "a"]


def test_a_message_that_comes_again_is_first(received: Received) -> None:
    again, got = received["again"]
    assert again == [["a", 1]]
    assert got == [["a", 1], ["a", 2]]
