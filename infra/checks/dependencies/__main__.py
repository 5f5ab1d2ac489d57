"""`python -m infra.checks.dependencies check|ask|runtimes|built`: what is wrong with dependencies.

check: pins and hashes, licences, what is unused; in `make check`. ask: known vulnerabilities, by pip-audit. runtimes:
Lambda runtimes that AWS no longer supports today. built: whether `sam build` was for what the stage STAGE deploys.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from infra.checks.dependencies.check_dependencies import LOCKS, find_mistakes
from infra.paths import ROOT, STATE

PIP_AUDIT = "pip-audit==2.10.1"
ASK_SECONDS = 600


def main() -> int:
    """The command line; 1 when anything is wrong, 2 when the service can't be asked."""
    commands = {"ask": ask_service, "runtimes": check_runtimes, "built": check_build}
    return commands.get(" ".join(sys.argv[1:]), check)()


def check() -> int:
    """Prints every error that can be seen without a network."""
    diagnostics = find_mistakes()
    for diagnostic in diagnostics:
        print(diagnostic)
    print(f"dependencies: {len(LOCKS)} lock files, {len(diagnostics)} errors; `make audit` asks for vulnerabilities")
    return 1 if diagnostics else 0


def check_runtimes() -> int:
    """Prints every Lambda runtime of the templates that is no longer supported. The answer depends on the date."""
    # cfn-lint takes a second to import, and the other commands do without it.
    from infra.checks.dependencies.runtimes import TEMPLATES, find_ended_runtimes  # noqa: PLC0415

    ended = [message for template in TEMPLATES for message in find_ended_runtimes(template)]
    for message in ended:
        print(message)
    print(f"runtimes: {len(TEMPLATES)} templates, {len(ended)} unsupported runtimes")
    return 1 if ended else 0


def check_build() -> int:
    """Prints how the build of `sam build` differs from what STAGE deploys."""
    from infra.checks.dependencies.built import BUILD, find_difference, find_target, read_parameters  # noqa: PLC0415

    stage = os.environ.get("STAGE") or "dev"
    target = find_target(BUILD)
    difference = find_difference(target, read_parameters(ROOT / "samconfig.toml", stage))
    print(difference or f"The build is for {' on '.join(target.values())}, which the stage {stage} deploys.")
    return 1 if difference else 0


def ask_service() -> int:
    """Has pip-audit ask its service of every lock file. What could not be asked is no pass."""
    answers = [_ask(lock) for lock in LOCKS]
    return max(answers)


def _ask(lock: Path) -> int:
    arguments = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json", "-r", str(lock)]
    command = [str(STATE / "uv" / "bin" / "uv"), "tool", "run", "--from", PIP_AUDIT, "pip-audit", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    name = lock.relative_to(ROOT)
    try:
        answer = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"{name}: not audited: {(done.stderr.strip().splitlines() or ['no reason given'])[-1][:200]}")
        return 2
    # A package of which the service knows nothing is skipped, and pip-audit calls that a success.
    skipped = [item["name"] for item in answer if "skip_reason" in item]
    for item in answer:
        for found in item.get("vulns", ()):
            print(f"{name}: {item['name']} {item['version']}: {found['id']}, mended in {found['fix_versions']}")
    if skipped:
        print(f"{name}: {len(skipped)} of {len(answer)} not audited, the service does not know them: {skipped[:5]}")
    else:
        print(f"{name}: {len(answer)} audited")
    return 1 if any(item.get("vulns") for item in answer) else 2 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
