"""What routes have at hand: settings and database, made once a process, and what is known of the request."""

from __future__ import annotations

from functools import lru_cache

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.caller import Caller, Scope
from api.settings import ApiSettings
from resma.database import Database
from resma.errors import ScopeMissing
from resma.settings import read_settings

POLL_SECONDS = 1
"""What Retry-After says while a report is under way."""


@lru_cache
def settings() -> ApiSettings:
    """What template.yaml sets."""
    return read_settings(ApiSettings)


@lru_cache
def database() -> Database:
    """The system's own tables."""
    return Database(settings().database_secret_arn, "resma-api")


def caller_of(router: APIGatewayRestResolver | APIGatewayRouter) -> Caller:
    """Who makes the request that is being answered."""
    caller: Caller = router.context["caller"]
    return caller


def require_scope(router: APIGatewayRestResolver | APIGatewayRouter, scope: Scope) -> Caller:
    """Who makes the request, and may do this. Raises ScopeMissing."""
    caller = caller_of(router)
    if scope not in caller.scopes:
        raise ScopeMissing(f"this needs the scope {scope}: ask with a key or a token that has it")
    return caller


def base_url(router: APIGatewayRestResolver | APIGatewayRouter) -> str:
    """Where this caller reached the API: the setting, or what API Gateway says of the request, with its stage."""
    if configured := settings().public_base_url:
        return configured
    context = router.current_event.request_context
    prefix = (context.path or "").removesuffix(router.current_event.path)
    return f"https://{context.domain_name}{prefix}"
