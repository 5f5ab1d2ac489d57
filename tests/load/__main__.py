"""`make load`: 1,000 POSTs, 50 at once, against a stack of its own. No report may be lost. POSTS=1000, AT_ONCE=50.

Prints p50 and p99. The last line is one JSON object. The exit code is 1 if a report was lost or the queue is not empty.
"""

from __future__ import annotations

import json
import os
import shutil
import sys

from infra.demo.load_demo_bank import load_demo_bank
from infra.local.stack import Options, Stack
from tests.load.post_many import post_many
from tests.support.client import Client, lift_quotas

ROWS = 5_000


def main() -> int:
    """Runs the load test with the options of the environment; returns the exit code."""
    posts, at_once = int(os.environ.get("POSTS") or 1000), int(os.environ.get("AT_ONCE") or 50)
    stack = Stack(os.environ.get("RESMA_LOAD_NAME", "load"), Options(front_door_port=None))
    stack.stop()
    shutil.rmtree(stack.folder, ignore_errors=True)
    with stack:
        load_demo_bank(stack.up.database_url, ROWS)
        lift_quotas(stack.up.database_url)
        client = Client(stack)
        figures = post_many(client, posts, at_once)
        client.close()
    print(
        f"{posts} POSTs, {at_once} at once: p50 {figures.p50_milliseconds} ms, p99 {figures.p99_milliseconds} ms;"
        f" all ended {figures.drained_seconds} s after the first"
    )
    for refusal in figures.refused[:10]:
        print(f"refused: {refusal}")
    print(json.dumps(figures.summary))
    return 0 if figures.is_valid else 1


if __name__ == "__main__":
    sys.exit(main())
