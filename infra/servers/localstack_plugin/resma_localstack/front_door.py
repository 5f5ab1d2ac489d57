"""Serves the deployed REST API at the root of a port, so that its URLs have the same paths as with a custom domain.

On AWS, a custom domain maps `/` to a stage. Here, every request to the port RESMA_FRONT_DOOR_PORT is mapped to the
stage of the only REST API.
"""

from __future__ import annotations

import os
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.constants import AWS_REGION_US_EAST_1, DEFAULT_AWS_ACCOUNT_ID
from localstack.services.apigateway.models import apigateway_stores
from rolo import Response
from rolo.gateway import HandlerChain


def apply() -> None:
    """Adds the mapping before LocalStack's own routes."""
    if port := os.environ.get("RESMA_FRONT_DOOR_PORT"):
        handlers.preprocess_request.append(_mapping(int(port)))


def _mapping(port: int) -> Any:
    def map_to_stage(_chain: HandlerChain, context: RequestContext, response: Response) -> None:
        request = context.request
        server = request.environ.get("asgi.scope", {}).get("server") or request.server
        if not server or server[1] != port:
            return
        stage = _find_stage()
        if stage is None:
            _chain.respond(503, b'{"message": "No API is deployed yet. Run `make up`."}')
            return
        prefix = "/_aws/execute-api/{}/{}".format(*stage)
        raw = request.environ.get("RAW_URI") or request.path
        request.environ["RAW_URI"] = prefix + raw
        request.environ["PATH_INFO"] = prefix + request.environ.get("PATH_INFO", request.path)
        request.path = prefix + request.path

    return map_to_stage


def _find_stage() -> tuple[str, str] | None:
    active = apigateway_stores[DEFAULT_AWS_ACCOUNT_ID][AWS_REGION_US_EAST_1].active_deployments
    return next(((api_id, stage) for api_id, stages in active.items() for stage in stages), None)
