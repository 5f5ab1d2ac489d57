"""`python -m infra.examples sqs_subscriber TenantId=demo`: deploys an example beside the stack of `make up`."""

from __future__ import annotations

import argparse
import sys

from infra.errors import StackError
from infra.examples.deploy_example import EXAMPLES, deploy_example
from infra.local.stack import Stack
from resma_cli.connection import stack_name


def main() -> int:
    """Deploys the example. Returns the exit code: 0 for success, 1 after an error message."""
    parser = argparse.ArgumentParser(prog="python -m infra.examples", description=__doc__)
    parser.add_argument("example", choices=EXAMPLES)
    parser.add_argument("parameters", nargs="*", metavar="Name=value", help="parameters of the example's template")
    chosen = parser.parse_args()
    parameters = dict(text.partition("=")[::2] for text in chosen.parameters)
    stack = Stack(stack_name())
    stack.find()
    try:
        outputs = deploy_example(stack, chosen.example, parameters)
    except StackError as error:
        print(f"Failed: {error}")
        return 1
    for name, value in outputs.items():
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
