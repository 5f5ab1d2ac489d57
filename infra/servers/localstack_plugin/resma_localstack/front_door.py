"""A port of its own for the deployed REST API, so that its addresses read as they do behind a domain.

On AWS a custom domain maps `/` to a stage; here the port in RESMA_FRONT_DOOR_PORT does: every request that comes in
by it goes to the stage of the one REST API that is deployed.
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
    """Adds the mapping in front of LocalStack's own routes."""
    if port := os.environ.get("RESMA_FRONT_DOOR_PORT"):
        handlers.preprocess_request.append(_mapping(int(port)))


def _mapping(port: int) -> Any:
    def map_to_stage(_chain: HandlerChain, context: RequestContext, response: Response) -> None:
        request = context.request
        server = request.environ.get("asgi.scope", {}).get("server") or request.server
        if not server or server[1] != port:
            return
        place = _deployed()
        if place is None:
            _chain.respond(503, b'{"message": "no API is deployed yet: see `make up`"}')
            return
        prefix = "/_aws/execute-api/{}/{}".format(*place)
        raw = request.environ.get("RAW_URI") or request.path
        request.environ["RAW_URI"] = prefix + raw
        request.environ["PATH_INFO"] = prefix + request.environ.get("PATH_INFO", request.path)
        request.path = prefix + request.path

    return map_to_stage


def _deployed() -> tuple[str, str] | None:
    active = apigateway_stores[DEFAULT_AWS_ACCOUNT_ID][AWS_REGION_US_EAST_1].active_deployments
    return next(((api_id, stage) for api_id, stages in active.items() for stage in stages), None)
