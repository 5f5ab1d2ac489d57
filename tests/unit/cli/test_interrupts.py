"""Ctrl-C ends a command even if Python is running a finalizer at that time."""

from __future__ import annotations

import subprocess
import sys

from infra.paths import ROOT
from tests.support.eventually import PATIENCE_SECONDS

PROGRAM = """
import os, signal, sys, time
import infra
from resma_cli.interrupts import raise_lost_interrupts

class Closed:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)

signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.argv[1] == "kept":
    raise_lost_interrupts()
try:
    Closed()
    time.sleep(1)
    print("lost")
except KeyboardInterrupt:
    print("kept")
"""


def run(argument: str) -> str:
    """Returns the output of the program."""
    command = [sys.executable, "-c", PROGRAM, argument]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    ).stdout.strip()


def test_an_interrupt_in_a_finalizer_is_raised_again() -> None:
    assert run("kept") == "kept"


def test_python_by_itself_loses_the_interrupt() -> None:
    assert run("alone") == "lost"
