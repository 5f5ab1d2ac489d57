"""Runs in a function's process, by the project's Python: AWS' own runtime client, that ends with its starter.

Usage: python function_process.py HANDLER
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time

CHECK_SECONDS = 0.5


def _end_with_starter(starter: int) -> None:
    while os.getppid() == starter:
        time.sleep(CHECK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    # Linux could send a signal instead, but to it the thread that started us is our parent, and that one ends soon.
    threading.Thread(target=_end_with_starter, args=(os.getppid(),), daemon=True).start()
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]  # instead of this file's folder
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
