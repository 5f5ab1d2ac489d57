"""Traces that can be searched for a report: a subsegment with annotations, sent to Lambda's X-Ray daemon.

Source: AWS X-Ray Developer Guide, "X-Ray segment documents" and "Sending segment documents to the X-Ray daemon". Not by
the X-Ray SDK: it takes a worker 20 MB and a tenth of its cold start (docs/decisions/042). It sends what it is told and
nothing else: no error's words, no SQL, no address.
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
    """Traces what the block does, where this invocation is traced; more annotations may be put into what it yields.

    An error marks the subsegment as a fault. Never raises by itself.
    """
    started = time.time()
    noted: Annotations = dict(annotations)
    is_fault = True
    try:
        yield noted
        is_fault = False
    finally:
        with contextlib.suppress(OSError, ValueError):
            _send(name, started, noted, is_fault=is_fault)


def _send(name: str, started: float, annotations: Annotations, *, is_fault: bool) -> None:
    daemon = os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
    # Lambda renews it for each invocation: Root=1-…;Parent=…;Sampled=1, and maybe more.
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
        "fault": is_fault,
    }
    host, _, port = daemon.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(_HEADER + json.dumps(document).encode(), (host, int(port)))
