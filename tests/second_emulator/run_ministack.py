"""Runs ministack with one patch, in the emulator's own environment.

Usage: python run_ministack.py PYTHON, where PYTHON is the interpreter of the functions: it has their dependencies.
"""

import sys

from ministack import app
from ministack.services import apigateway_v1


def accept_responses_without_body():
    """Makes ministack accept `"body": null` of a proxy integration as an empty body, as API Gateway does.

    Without the patch ministack responds with status 500.
    """
    original = apigateway_v1._lambda_proxy_response  # ministack has no public API for this

    def with_body(result):
        response, error = original(result)
        if response is not None and response.get("body") is None:
            response = {**response, "body": ""}
        return response, error

    apigateway_v1._lambda_proxy_response = with_body


if __name__ == "__main__":
    accept_responses_without_body()
    # ministack starts functions with its own interpreter.
    sys.executable = sys.argv.pop(1)
    app.main()
