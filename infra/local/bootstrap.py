#!/usr/bin/env python3
"""Makes the virtual environments: `python3 infra/local/bootstrap.py [project] [localstack] [sam] [bench]`.

Uses nothing but the standard library, and no syntax that an old Python could not read: it is what tells people that
theirs is too old.
"""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STATE = os.path.join(ROOT, ".resma")
REQUIREMENTS = os.path.join(ROOT, "infra", "requirements")

# Folder of the environment, and its lock file. LocalStack and sam pin old versions of what the project uses too.
ENVIRONMENTS = {
    "project": ("venv", "dev.txt"),
    "localstack": ("venv-localstack", "localstack.txt"),
    "sam": ("venv-sam", "sam.txt"),
    "bench": ("venv-bench", "bench.txt"),
}


def main():
    """Makes what was asked for, and the two that every command needs when nothing was."""
    if sys.version_info < (3, 11):
        sys.exit(
            "Resma needs Python 3.11 or newer, this is {}: install one, and say `make PYTHON=python3.11 ...`".format(
                platform.python_version()
            )
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit("this Python has no venv: on Debian and Ubuntu, `apt install python3-venv`; then try again")
    for name in sys.argv[1:] or ["project", "localstack"]:
        if name not in ENVIRONMENTS:
            sys.exit("there is no environment {!r}; there are {}".format(name, ", ".join(ENVIRONMENTS)))
        make_environment(*ENVIRONMENTS[name])
        if name == "project":
            write_launcher()


def make_environment(folder, lock):
    """Makes an environment that has exactly what its lock file lists, unless it is there already."""
    target = os.path.join(STATE, folder)
    lock_file = os.path.join(REQUIREMENTS, lock)
    with open(lock_file, "rb") as file:
        wanted = hashlib.sha256(file.read() + platform.python_version().encode() + target.encode()).hexdigest()
    stamp = os.path.join(target, ".stamp")
    if read(stamp) == wanted:
        return
    started = time.time()
    print("making .resma/{} from infra/requirements/{} ...".format(folder, lock))
    sys.stdout.flush()
    if not os.path.exists(os.path.join(target, "bin", "python")) or not read(stamp):
        shutil.rmtree(target, ignore_errors=True)
    uv = find_uv()
    run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, target])
    python = os.path.join(target, "bin", "python")
    sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock_file]
    # Functions start from these: compiled now, a cold start takes half as long. LocalStack compiles what it loads.
    run(sync + (["--compile-bytecode"] if folder in ("venv", "venv-bench") else []))
    with open(stamp, "w") as file:
        file.write(wanted)
    print("made .resma/{} in {:.0f} s".format(folder, time.time() - started))
    sys.stdout.flush()


def write_launcher():
    """Makes the command `resma` of this checkout: its code is used as it lies here, and no package of it is installed.

    `-P` keeps the folder that it is called from off Python's path.
    """
    target = os.path.join(STATE, "venv", "bin", "resma")
    python = os.path.join(STATE, "venv", "bin", "python")
    text = '#!/bin/sh\n# Made by infra/local/bootstrap.py.\nPYTHONPATH={} exec {} -P -m infra.cli "$@"\n'.format(
        shlex.quote(ROOT), shlex.quote(python)
    )
    if read(target) != text:
        with open(target + ".new", "w") as file:
            file.write(text)
        os.chmod(target + ".new", 0o755)  # noqa: S103  # a command for whoever may enter the folder
        os.rename(target + ".new", target)


def find_uv():
    """Returns the pinned uv, installed by pip into a folder of its own: it installs ten times as fast as pip."""
    folder = os.path.join(STATE, "uv")
    lock_file = os.path.join(REQUIREMENTS, "uv.txt")
    with open(lock_file) as file:
        wanted = file.read() + sys.executable
    binary = os.path.join(folder, "bin", "uv")
    if read(os.path.join(folder, ".stamp")) != wanted or not os.path.exists(binary):
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", folder])
        pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        run(pip + ["install", "--require-hashes", "--only-binary", ":all:", "-r", lock_file])
        with open(os.path.join(folder, ".stamp"), "w") as file:
            file.write(wanted)
    return binary


def run(command):
    """Runs a command; ends with what to do when it fails."""
    if subprocess.call(command) != 0:
        sys.exit(
            "{} has failed, see above. It needs a package index (PyPI) that can be reached and about 1 GB of disk; "
            "run the same command again when that is so".format(" ".join(command[:3]))
        )


def read(path):
    """Returns a small file's text, or nothing."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
