"""`python -m infra.examples sqs_subscriber TenantId=demo`: deploys an example next to the stack of `make up`."""

from __future__ import annotations

import argparse
import sys

from infra.errors import StackError
from infra.examples.deploy_example import EXAMPLES, deploy_example
from infra.local.stack import Stack
from resma_cli.connection import stack_name


def main() -> int:
    """Runs the command line. Returns 0, or 1 and prints the error if the example was not deployed."""
    parser = argparse.ArgumentParser(prog="python -m infra.examples", description=__doc__)
    parser.add_argument("example", choices=EXAMPLES)
    parser.add_argument("parameters", nargs="*", metavar="Name=value", help="parameter of the template")
    arguments = parser.parse_args()
    parameters = dict(text.partition("=")[::2] for text in arguments.parameters)
    stack = Stack(stack_name())
    stack.find()
    try:
        outputs = deploy_example(stack, arguments.example, parameters)
    except StackError as error:
        print(f"Deployment failed: {error}")
        return 1
    for name, value in outputs.items():
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
