"""What may be wrong with this machine, where the stack is run from a checkout."""

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

from resma_cli.doctor.finding import Finding, fail, fine, warn

DISK_BYTES = 3 * 2**30
MEMORY_BYTES = 3 * 2**29
PYTHONS = ((3, 11), (3, 12), (3, 13))
"""As infra/local/bootstrap.py has them, which the client alone does not; a test holds them to it."""
TEST_PROGRAMS = (("soffice",), ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
"""Programs by their names, any of which will do, as tests/tools.py has them; a test holds them to it."""


@dataclass(frozen=True)
class Machine:
    """A checkout, the folder of the stack that is asked about, and the port of its API."""

    root: Path
    stack: Path
    port: int

    @property
    def state(self) -> Path:
        """Where environments and stacks are."""
        return self.root / ".resma"


def check_system(_machine: Machine) -> Finding:
    """The embedded stack's servers are built for Linux."""
    if sys.platform != "linux":
        return fail(
            "system", f"this is {sys.platform}, the stack runs on Linux", "use docs/docker.md, or a Linux machine"
        )
    if sys.version_info[:2] not in PYTHONS:
        supported = ", ".join(f"{major}.{minor}" for major, minor in PYTHONS)
        return fail("system", f"this is Python {sys.version.split()[0]}", f"install one of Python {supported}")
    return fine("system", f"Linux, Python {sys.version.split()[0]}")


def check_environments(machine: Machine) -> Finding:
    """What `make setup` makes."""
    missing = [name for name in ("venv", "venv-localstack") if not (machine.state / name / ".stamp").exists()]
    if missing:
        return fail("environments", f".resma/{missing[0]} is not there, or half made", "make setup")
    return fine("environments", ".resma/venv and .resma/venv-localstack are there")


def check_make(_machine: Machine) -> Finding:
    """make runs the project's commands."""
    if shutil.which("make") is None:
        return warn("make", "there is no make", "apt install make; `resma up`, `down`, `demo` and `logs` do without it")
    return fine("make", "make is there")


def check_user(_machine: Machine) -> Finding | None:
    """Postgres does not run as root; root runs it as somebody else, with setpriv."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return fail("user", "this is root, and there is no setpriv", "apt install util-linux, or use another account")
    return None


def check_disk(machine: Machine) -> Finding:
    """The environments take 1.9 GB; a demo bank and its reports need some more."""
    place = machine.state if machine.state.exists() else machine.root
    free = shutil.disk_usage(place).free
    said = f"{free / 2**30:,.1f} GiB are free at {place}"
    if free < DISK_BYTES:
        return fail("disk", said, f"make room for {DISK_BYTES / 2**30:.0f} GiB; `make clean` removes all of .resma")
    return fine("disk", said)


def check_memory(_machine: Machine) -> Finding | None:
    """What programs can still have, as Linux reckons it (proc(5), MemAvailable)."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) * 1024
        said = f"{available / 2**30:,.1f} GiB of memory are available"
        if available < MEMORY_BYTES:
            return fail("memory", said, "end other programs: the stack wants 1.5 GiB")
        return fine("memory", said)
    return None


def check_localhost(_machine: Machine) -> Finding:
    """The stack's addresses are by this name."""
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo("localhost", None, socket.AF_INET)}
    except OSError:
        found = set()
    if "127.0.0.1" not in found:
        return fail("localhost", "the name localhost is not 127.0.0.1", "add `127.0.0.1 localhost` to /etc/hosts")
    return fine("localhost", "localhost is this machine")


def check_clock(machine: Machine) -> Finding:
    """A clock that is wrong makes addresses and keys end too soon; files that were written tomorrow show one."""
    ahead = (machine.root / "template.yaml").stat().st_mtime - time.time()
    if ahead > 60:
        return fail(
            "clock", f"this machine's clock is {ahead:,.0f} s behind its own files", "set it: timedatectl set-ntp true"
        )
    return fine("clock", f"this machine's clock says {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC")


def check_lock(machine: Machine) -> Finding | None:
    """Only one command starts or ends a stack at a time."""
    lock = machine.state / f"{machine.stack.name}.lock"
    if not lock.exists():
        return None
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return warn(
                "lock", "a `make up`, `make down` or `make demo` is under way", "wait for it to end, then look again"
            )
    return fine("lock", "no command is starting or ending the stack")


def check_stack(machine: Machine) -> Finding:
    """A stack that is up answers; one whose processes are gone leaves its state file."""
    state_file = machine.stack / "state.json"
    if not state_file.exists():
        left = _processes_in(machine.stack)
        if left and not _is_locked(machine):
            says = f"no stack is up, and {len(left)} of its processes are left ({', '.join(map(str, left[:5]))})"
            return fail("stack", says, "resma down")
        return warn("stack", "no stack is up", "resma up")
    try:
        state = json.loads(state_file.read_text(encoding="utf-8"))
        ports = [int(state["postgres_port"]), *(int(state[name].rpartition(":")[2]) for name in ("api_url", "aws_url"))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return fail("stack", f"{state_file} is damaged", "resma down, then resma up")
    dead = [port for port in ports if not _is_listening(port)]
    if dead:
        says = f"the stack's state file is there, and nothing listens on port {dead[0]}: it has died"
        return fail("stack", says, "resma down, then resma up")
    return fine("stack", f"the stack is up at {state['api_url']}")


def check_port(machine: Machine) -> Finding | None:
    """The API's port must be free, or the stack's own."""
    if (machine.stack / "state.json").exists():
        return None
    if _is_listening(machine.port):
        says = f"another program listens on port {machine.port}, where the API would"
        return fail("port", says, f"end it, or `resma up --port {machine.port + 1}`")
    return fine("port", f"port {machine.port} is free")


def check_readers(_machine: Machine) -> Finding:
    """The programs that `make test` opens files and the console with."""
    missing = [names[0] for names in TEST_PROGRAMS if not any(map(shutil.which, names))]
    if missing:
        fix = "apt-get install --no-install-recommends libreoffice-calc-nogui chromium"
        return warn("readers", f"not installed: {', '.join(missing)}; only `make test` needs them", fix)
    return fine("readers", "LibreOffice and Chromium are installed")


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
    found = check_lock(machine)
    return found is not None and found.state != "ok"


def _processes_in(folder: Path) -> list[int]:
    """Ids of the processes that work in a folder or below: a stack's do."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{entry.joinpath('cwd').readlink()}/".startswith(f"{folder.resolve()}/"):
                found.append(int(entry.name))
    return sorted(found)
