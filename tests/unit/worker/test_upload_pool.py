"""The parts that uploads keep in memory are limited together, however many files are written at the same time."""

from __future__ import annotations

from threading import Event

import pytest

from resma.errors import LeaseLostError
from resma.storage.upload_pool import PARTS_IN_MEMORY, UploadPool


@pytest.mark.parametrize(("uploads", "in_flight"), [(1, 3), (2, 2), (3, 1), (5, 1)])
def test_several_files_have_fewer_parts_in_flight(uploads: int, in_flight: int) -> None:
    stopped = Event()
    with UploadPool(stopped, uploads) as pool:
        for _ in range(in_flight):
            pool.acquire_slot()
        assert uploads + in_flight == max(PARTS_IN_MEMORY, uploads + 1)
        stopped.set()  # so that the next part does not wait for ever
        with pytest.raises(LeaseLostError):
            pool.acquire_slot()
