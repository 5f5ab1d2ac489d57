#!/usr/bin/env python3
"""Creates the virtual environments: `python3 infra/local/bootstrap.py [project] [localstack] [sam] [bench] ...`.

`python` makes none: it says whether this Python will do.

Uses nothing but the standard library, and no syntax that an old Python could not read: it is what tells people that
theirs is too old.
"""

import errno
import hashlib
import os
import platform
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STATE = os.path.join(ROOT, ".resma")
REQUIREMENTS = os.path.join(ROOT, "infra", "requirements")

DISK_SPACE = "2.5 GB"

# Not 3.14: backports.zstd has no release for it, so that nothing could be installed.
SUPPORTED_PYTHONS = ((3, 11), (3, 12), (3, 13))

# Folder of the environment, and its lock file. The emulators and sam pin old versions of what the project uses too.
ENVIRONMENTS = {
    "project": ("venv", "dev.txt"),
    "localstack": ("venv-localstack", "localstack.txt"),
    "sam": ("venv-sam", "sam.txt"),
    "bench": ("venv-bench", "bench.txt"),
    "generators": ("venv-generators", "generators.txt"),
    "second-emulator": ("venv-second-emulator", "second-emulator.txt"),
}


def main():
    """Creates the named environments, by default the two that every command needs. `python` only checks Python."""
    require_python()
    names = sys.argv[1:] or ["project", "localstack"]
    if names == ["python"]:
        return
    require_plain_path(ROOT)
    require_own_files(STATE, os.geteuid())
    choose_cache()
    for name in names:
        if name not in ENVIRONMENTS:
            sys.exit("there is no environment {!r}; there are {}".format(name, ", ".join(ENVIRONMENTS)))
        make_environment(*ENVIRONMENTS[name])
        if name == "project":
            write_launcher()


def require_python():
    """Exits with a remedy if this Python is too old or too new, or has no venv."""
    if sys.version_info[:2] not in SUPPORTED_PYTHONS:
        sys.exit(
            "Resma runs on Python {}, this is {}: install one of those, and say `make PYTHON=python3.13 ...`".format(
                ", ".join("{}.{}".format(*version) for version in SUPPORTED_PYTHONS), platform.python_version()
            )
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit("this Python has no venv: on Debian and Ubuntu, `apt install python3-venv`; then try again")


def require_plain_path(path):
    """Exits with a remedy if the path has characters that initdb of Postgres or PYTHONPATH cannot handle."""
    found = sorted(set(path) & set('":$`\\\n'))
    if found:
        sys.exit(
            "The path of this checkout has the character {}, which Postgres' initdb or PYTHONPATH does not support. "
            "Move it to another folder.".format(" and ".join(repr(one) for one in found))
        )


def require_own_files(folder, user_id):
    """Exits with a remedy if files in the folder belong to another user, as after `sudo make`."""
    if user_id == 0:
        return  # root can change all files
    for path in [folder] + [os.path.join(folder, name) for name in list_folder(folder)]:
        owner = owner_of(path)
        if owner is not None and owner != user_id:
            sys.exit(
                "{} belongs to user {}, probably since `sudo make`. Give it to yourself, "
                "`sudo chown -R {} {}`, or remove it, `sudo rm -rf {}`; then try again.".format(
                    path, user_name(owner), user_id, shlex.quote(folder), shlex.quote(folder)
                )
            )


def list_folder(folder):
    """Returns the names in a folder, or an empty list if the folder does not exist."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def owner_of(path):
    """Returns the user id that owns a path, or None."""
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def user_name(user_id):
    """Returns a user's name, or the id of one that has none."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)


def choose_cache():
    """Makes uv store its downloads in .resma if the home folder is not writable."""
    if os.environ.get("UV_CACHE_DIR"):
        return
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(base, "uv")
    try:
        os.makedirs(folder, exist_ok=True)
        # Its mode does not tell: the file system may be mounted read-only.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        os.environ["UV_CACHE_DIR"] = os.path.join(STATE, "uv-cache")
        os.environ["PIP_NO_CACHE_DIR"] = "1"


def make_environment(folder, lock):
    """Creates an environment with exactly the packages of its lock file, unless it exists and is current."""
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
    text = '#!/bin/sh\n# Made by infra/local/bootstrap.py.\nPYTHONPATH={} exec {} -P -m resma_cli "$@"\n'.format(
        shlex.quote(os.pathsep.join((os.path.join(ROOT, "infra", "cli"), ROOT))), shlex.quote(python)
    )
    if read(target) != text:
        with open(target + ".new", "w") as file:
            file.write(text)
        os.chmod(target + ".new", 0o755)  # noqa: S103  # a command for all users who can enter the folder
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
    """Runs a command. Exits with a remedy if it fails."""
    if subprocess.call(command) != 0:
        sys.exit(
            "{} has failed, see above. It needs a package index (PyPI) that can be reached, and {} of free disk "
            "space for all environments. Run the same command again when that is so.".format(
                " ".join(command[:3]), DISK_SPACE
            )
        )


def read(path):
    """Returns the text of a small file, or an empty string if it cannot be read."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # What it runs is in the same process group, and was interrupted too. A half-made environment is made again.
        sys.stderr.write("\ninterrupted: run the same command again to finish making the environment\n")
        sys.exit(130)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            sys.exit("The disk is full: {} of free space are needed at {}.".format(DISK_SPACE, STATE))
        raise
