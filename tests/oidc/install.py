"""`python -m tests.oidc.install` installs the OpenID Connect provider of the tests into .resma/oidc.

If Node.js is not installed, it is skipped, with a message that says how to install it.
"""

from __future__ import annotations

from pathlib import Path

from tests.readers.install import ReaderProgram, install

PROVIDER = ReaderProgram(
    "node",
    ("node", "npm"),
    "apt-get install nodejs npm",
    ("package.json", "package-lock.json", "provider.mjs"),
    ("npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"),
    ("node", "provider.mjs"),
    Path(__file__).parent,
)


def main() -> None:
    """Installs the provider if its tools are installed on this machine."""
    install((PROVIDER,))


if __name__ == "__main__":
    main()
