"""Time zone names are the same with and without the system's copy of the IANA database."""

from __future__ import annotations

import os
import subprocess
import sys
import zoneinfo
from pathlib import Path

import pytest

from infra.paths import FUNCTIONS
from resma.i18n.time_zones import is_time_zone, unknown_time_zone

_CHECK = """
import sys, zoneinfo
from resma.i18n.time_zones import is_time_zone
assert zoneinfo.TZPATH == (), zoneinfo.TZPATH
names = sys.stdin.read().split()
print([name for name in names if not is_time_zone(name)])
"""


def test_a_system_without_time_zones_uses_the_package() -> None:
    names = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
    assert len(names) > 500
    answer = subprocess.run(
        [sys.executable, "-c", _CHECK],
        input="\n".join([*names, "UTC", "America/Sao_Paulo"]),
        env={**os.environ, "PYTHONTZPATH": "", "PYTHONPATH": str(FUNCTIONS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Olympus", "localtime", "posixrules", "Factory", "Europe", "../zone", "posix/UTC", "x" * 300, "a\0"],
)
def test_names_that_are_not_time_zones(name: str) -> None:
    assert not is_time_zone(name)
    assert len(unknown_time_zone(name)) < 250
    assert "Europe/Lisbon" in unknown_time_zone(name)


def test_the_package_is_shipped_on_every_platform() -> None:
    lock = (Path(FUNCTIONS) / "requirements.txt").read_text(encoding="utf-8")
    (line,) = [line for line in lock.splitlines() if line.startswith("tzdata==")]
    assert ";" not in line
