"""`python -m infra.checks.dependencies check|audit|runtimes|built`: checks dependencies.

- check: pins, hashes, licenses and unused dependencies; part of `make check`.
- audit: known vulnerabilities, by pip-audit.
- runtimes: Lambda runtimes that AWS no longer supports today.
- built: whether `resma aws build` was run for the parameters of the stage STAGE.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from infra.checks.dependencies.check_dependencies import LOCKS, find_errors
from infra.paths import ROOT, STATE

PIP_AUDIT = "pip-audit==2.10.1"
AUDIT_SECONDS = 600


def main() -> int:
    """Runs the command. Returns the exit code: 1 if there is an error, 2 if the audit service can't be reached."""
    commands = {"audit": audit, "runtimes": check_runtimes, "built": check_build}
    return commands.get(" ".join(sys.argv[1:]), check)()


def check() -> int:
    """Prints every error that can be found without a network."""
    errors = find_errors()
    for error in errors:
        print(error)
    print(f"dependencies: {len(LOCKS)} lock files, {len(errors)} errors; `make audit` checks for vulnerabilities")
    return 1 if errors else 0


def check_runtimes() -> int:
    """Prints every Lambda runtime of the templates that is no longer supported. The result depends on the date."""
    # cfn-lint takes a second to import, and the other commands do not need it.
    from infra.checks.dependencies.runtimes import TEMPLATES, find_ended_runtimes  # noqa: PLC0415

    ended = [message for template in TEMPLATES for message in find_ended_runtimes(template)]
    for message in ended:
        print(message)
    print(f"runtimes: {len(TEMPLATES)} templates, {len(ended)} unsupported runtimes")
    return 1 if ended else 0


def check_build() -> int:
    """Prints how the build differs from the parameters of STAGE, or that it has no catalog."""
    from infra.checks.dependencies.built import find_difference, find_target, read_parameters  # noqa: PLC0415
    from infra.packages import BUILD, find_missing_catalog  # noqa: PLC0415

    stage = os.environ.get("STAGE") or "dev"
    target = find_target(BUILD)
    difference = find_difference(target, read_parameters(ROOT / "samconfig.toml", stage)) or find_missing_catalog(BUILD)
    print(difference or f"The build is for {' on '.join(target.values())}, which the stage {stage} deploys.")
    return 1 if difference else 0


def audit() -> int:
    """Runs pip-audit on every lock file. A package that could not be audited is an error."""
    return max([_audit(lock) for lock in LOCKS])


def _audit(lock: Path) -> int:
    arguments = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json", "-r", str(lock)]
    command = [str(STATE / "uv" / "bin" / "uv"), "tool", "run", "--from", PIP_AUDIT, "pip-audit", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=AUDIT_SECONDS, check=False)
    name = lock.relative_to(ROOT)
    try:
        answer = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"{name}: not audited: {(done.stderr.strip().splitlines() or ['no reason given'])[-1][:200]}")
        return 2
    # pip-audit skips packages that the service does not know, and reports success.
    skipped = [item["name"] for item in answer if "skip_reason" in item]
    for item in answer:
        for vulnerability in item.get("vulns", ()):
            fixed_in = vulnerability["fix_versions"]
            print(f"{name}: {item['name']} {item['version']}: {vulnerability['id']}, fixed in {fixed_in}")
    if skipped:
        print(f"{name}: {len(skipped)} of {len(answer)} unknown to the service: {skipped[:5]}")
    else:
        print(f"{name}: {len(answer)} audited")
    return 1 if any(item.get("vulns") for item in answer) else 2 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
