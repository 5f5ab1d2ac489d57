"""The process of a function, in the project's Python: it runs AWS' runtime client, and ends with its parent.

Usage: python function_process.py HANDLER
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time

CHECK_SECONDS = 0.5


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(CHECK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    # PR_SET_PDEATHSIG cannot be used: it refers to the thread that started this process, which ends soon.
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]  # instead of this file's folder
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
