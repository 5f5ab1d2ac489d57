"""Traces that can be searched by report: a subsegment with annotations, sent to Lambda's X-Ray daemon.

Source: AWS X-Ray Developer Guide, "X-Ray segment documents" and "Sending segment documents to the X-Ray daemon". The
X-Ray SDK is not used, because it needs 20 MB of a worker and a tenth of its cold start (docs/decisions/042). Only the
given annotations are sent: no error messages, no SQL and no URLs.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator

_HEADER = b'{"format": "json", "version": 1}\n'

Annotations = dict[str, str | int | float | bool]


@contextlib.contextmanager
def traced(name: str, **annotations: str | float | bool) -> Iterator[Annotations]:
    """Traces the block if this invocation is traced. Yields the annotations, to which the block may add.

    An exception marks the subsegment as failed. Raises no errors of its own.
    """
    started = time.time()
    collected: Annotations = dict(annotations)
    has_failed = True
    try:
        yield collected
        has_failed = False
    finally:
        with contextlib.suppress(OSError, ValueError):
            _send(name, started, collected, has_failed=has_failed)


def _send(name: str, started: float, annotations: Annotations, *, has_failed: bool) -> None:
    daemon = os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
    # Lambda sets the variable for each invocation: Root=1-…;Parent=…;Sampled=1, and possibly other fields.
    trace = dict(part.split("=", 1) for part in os.environ.get("_X_AMZN_TRACE_ID", "").split(";") if "=" in part)
    if not daemon or trace.get("Sampled") != "1" or not {"Root", "Parent"} <= trace.keys():
        return
    document = {
        "id": secrets.token_hex(8),
        "trace_id": trace["Root"],
        "parent_id": trace["Parent"],
        "type": "subsegment",
        "name": name,
        "start_time": started,
        "end_time": time.time(),
        "annotations": annotations,
        "fault": has_failed,
    }
    host, _, port = daemon.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(_HEADER + json.dumps(document).encode(), (host, int(port)))
