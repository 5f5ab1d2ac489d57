"""`python -m tests.oidc.install` installs the OpenID Connect provider of the tests into .resma/oidc.

If Node.js is not installed, it is skipped, with a message that says how to install it.
"""

from __future__ import annotations

from pathlib import Path

from tests.readers.install import install, node_program

PROVIDER = node_program("provider.mjs", ("node", "provider.mjs"), Path(__file__).parent)


def main() -> None:
    """Installs the provider if its tools are installed on this machine."""
    install((PROVIDER,))


if __name__ == "__main__":
    main()
