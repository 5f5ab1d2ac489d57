"""Checks of this machine, on which a stack runs from a checkout."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from resma_cli.doctor.finding import Finding, fail, ok, warn

MIN_DISK_BYTES = 3 * 2**30
MIN_MEMORY_BYTES = 3 * 2**29
PYTHONS = ((3, 11), (3, 12), (3, 13))
"""Supported versions. A test compares them with infra/local/bootstrap.py, which is not part of the client."""
TEST_PROGRAMS = (
    ("soffice",),
    ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "google-chrome-stable"),
    ("curl",),
)
"""Programs that `make test` needs, each with its possible names. A test compares them with tests/tools.py."""


@dataclass(frozen=True)
class Machine:
    """A checkout, the folder of the checked stack, and the port of its API."""

    root: Path
    stack: Path
    port: int

    @property
    def state(self) -> Path:
        """The folder of environments and stacks."""
        return self.root / ".resma"


def check_system(_machine: Machine) -> Finding:
    """Checks the operating system and the Python version. The stack's servers are built for Linux."""
    if sys.platform != "linux":
        return fail(
            "system", f"The stack requires Linux, and this is {sys.platform}.", "Use Docker (docs/docker.md), or Linux."
        )
    if sys.version_info[:2] not in PYTHONS:
        supported = ", ".join(f"{major}.{minor}" for major, minor in PYTHONS)
        return fail(
            "system", f"Python {sys.version.split()[0]} is not supported.", f"Install one of Python {supported}."
        )
    return ok("system", f"Linux, Python {sys.version.split()[0]}.")


def check_environments(machine: Machine) -> Finding:
    """Checks the environments that `make setup` creates."""
    missing = [name for name in ("venv", "venv-localstack") if not (machine.state / name / ".stamp").exists()]
    if missing:
        return fail("environments", f".resma/{missing[0]} does not exist or is not complete.", "Run `make setup`.")
    return ok("environments", ".resma/venv and .resma/venv-localstack exist.")


def check_make(_machine: Machine) -> Finding:
    """Checks that make is installed. Only some commands of the project need it."""
    if shutil.which("make") is None:
        fix = "Run `apt install make`. `resma up`, `down`, `demo` and `logs` do not need it."
        return warn("make", "make is not installed.", fix)
    return ok("make", "make is installed.")


def check_user(_machine: Machine) -> Finding | None:
    """Checks that root can use setpriv, because Postgres does not run as root."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return fail(
            "user", "The user is root, and setpriv is not installed.", "Install util-linux, or use another user."
        )
    return None


def check_disk(machine: Machine) -> Finding:
    """Checks the free disk space. The environments need 1.9 GB, a demo bank and reports need more."""
    folder = machine.state if machine.state.exists() else machine.root
    free = shutil.disk_usage(folder).free
    message = f"{free / 2**30:,.1f} GiB are free at {folder}."
    if free < MIN_DISK_BYTES:
        fix = f"Free {MIN_DISK_BYTES / 2**30:.0f} GiB. `make clean` removes all of .resma."
        return fail("disk", message, fix)
    return ok("disk", message)


def check_memory(_machine: Machine) -> Finding | None:
    """Checks the available memory, as estimated by Linux (proc(5), MemAvailable)."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) * 1024
        message = f"{available / 2**30:,.1f} GiB of memory are available."
        if available < MIN_MEMORY_BYTES:
            return fail("memory", message, "End other programs. The stack needs 1.5 GiB.")
        return ok("memory", message)
    return None


def check_localhost(_machine: Machine) -> Finding:
    """Checks that localhost is this machine, because the stack's URLs contain this name."""
    try:
        resolved = {str(item[4][0]) for item in socket.getaddrinfo("localhost", None, socket.AF_INET)}
    except OSError:
        resolved = set()
    if "127.0.0.1" not in resolved:
        return fail("localhost", "localhost does not resolve to 127.0.0.1.", "Add `127.0.0.1 localhost` to /etc/hosts.")
    return ok("localhost", "localhost is this machine.")


def check_clock(machine: Machine) -> Finding:
    """Checks that no file is from the future. With a wrong clock, keys and presigned URLs expire at a wrong time."""
    ahead = (machine.root / "template.yaml").stat().st_mtime - time.time()
    if ahead > 60:
        return fail(
            "clock", f"This machine's clock is {ahead:,.0f} s behind its files.", "Run `timedatectl set-ntp true`."
        )
    return ok("clock", f"This machine's clock is {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC.")


def check_lock(machine: Machine) -> Finding | None:
    """Checks that no other command is starting or stopping the stack."""
    lock = machine.state / f"{machine.stack.name}.lock"
    if not lock.exists():
        return None
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return warn("lock", "A `make up`, `make down` or `make demo` is running.", "Wait until it has ended.")
    return ok("lock", "No command is starting or stopping the stack.")


def check_stack(machine: Machine) -> Finding:
    """Checks that the stack is up, and that no state file or processes of a dead stack exist."""
    state_file = machine.stack / "state.json"
    if not state_file.exists():
        processes = _processes_in(machine.stack)
        if processes and not _is_locked(machine):
            ids = ", ".join(map(str, processes[:5]))
            message = f"No stack is up, but {len(processes)} of its processes are still running ({ids})."
            return fail("stack", message, "Run `resma down`.")
        return warn("stack", "No stack is up.", "Run `resma up`.")
    try:
        state = json.loads(state_file.read_text(encoding="utf-8"))
        ports = [int(state["postgres_port"]), *(int(state[name].rpartition(":")[2]) for name in ("api_url", "aws_url"))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return fail("stack", f"{state_file} is damaged.", "Run `resma down`, then `resma up`.")
    dead = [port for port in ports if not _is_listening(port)]
    if dead:
        message = f"The stack has died. Its state file exists, but nothing listens on port {dead[0]}."
        return fail("stack", message, "Run `resma down`, then `resma up`.")
    return ok("stack", f"The stack is up at {state['api_url']}.")


def check_port(machine: Machine) -> Finding | None:
    """Checks that the API's port is free, unless the stack uses it."""
    if (machine.stack / "state.json").exists():
        return None
    if _is_listening(machine.port):
        message = f"Another program uses the API's port {machine.port}."
        return fail("port", message, f"End it, or run `resma up --port {machine.port + 1}`.")
    return ok("port", f"Port {machine.port} is free.")


def check_readers(_machine: Machine) -> Finding:
    """Checks that the programs are installed with which tests open files and the console."""
    missing = [names[0] for names in TEST_PROGRAMS if not any(map(shutil.which, names))]
    if missing:
        fix = "Run `apt-get install --no-install-recommends libreoffice-calc-nogui chromium libatomic1 curl`."
        return warn("readers", f"Not installed: {', '.join(missing)}. Only `make test` needs them.", fix)
    return ok("readers", "LibreOffice, Chromium and curl are installed.")


CHECKS = (
    check_system,
    check_environments,
    check_make,
    check_user,
    check_disk,
    check_memory,
    check_localhost,
    check_clock,
    check_lock,
    check_stack,
    check_port,
    check_readers,
)


def _is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _is_locked(machine: Machine) -> bool:
    finding = check_lock(machine)
    return finding is not None and finding.state != "ok"


def _processes_in(folder: Path) -> list[int]:
    """Returns the ids of the processes whose working folder is `folder` or below it, as for processes of a stack."""
    ids = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{entry.joinpath('cwd').readlink()}/".startswith(f"{folder.resolve()}/"):
                ids.append(int(entry.name))
    return sorted(ids)
