"""Receives trace segments on a UDP port in place of the X-Ray daemon, and keeps them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from types import TracebackType
from typing import Any, Self


class TraceReceiver:
    """Receives segment documents and keeps them in the order of their arrival."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.5)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._receive, name="traces", daemon=True)

    @property
    def address(self) -> str:
        """The value of AWS_XRAY_DAEMON_ADDRESS for the functions."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def of_report(self, report_id: str) -> dict[str, dict[str, Any]]:
        """Returns the documents of a report by name."""
        return {
            each["name"]: each for each in list(self.documents) if each["annotations"].get("report_id") == report_id
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        while not self._is_over.is_set():
            with contextlib.suppress(TimeoutError):
                self.documents.append(json.loads(self._socket.recv(65536).partition(b"\n")[2]))
