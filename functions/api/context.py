"""What routes have at hand: settings and database, made once a process, and what is known of the request."""

from __future__ import annotations

from functools import lru_cache

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.authenticate import Gate
from api.auth.console_sign_in import ConsoleSignIn
from api.auth.token_claims import ScopesClaim
from api.auth.tokens import Provider
from api.deployment_rules import DeploymentRules, SourceTimeZones
from api.settings import ApiSettings, split_audiences
from resma.access.caller import Caller
from resma.aws.clients import events_client, sns_client, sqs_client
from resma.database.connection import Database
from resma.events.announcer import Announcer
from resma.events.destinations import Bus, Topic
from resma.jobs.queue import JobQueue
from resma.settings import LOCAL_STAGE, read_settings

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


@lru_cache
def source() -> Database:
    """What reports are made of, by a role that can only read."""
    return Database(settings().source_secret_arn, "resma-api-estimate", "source-database")


@lru_cache
def rules() -> DeploymentRules:
    """What this deployment allows in requests."""
    return DeploymentRules(settings().receivers, SourceTimeZones(source()))


@lru_cache
def gate() -> Gate:
    """What callers are known by."""
    chosen = settings()
    provider = None
    if chosen.oidc_issuer:
        audiences = split_audiences(chosen.oidc_audience)
        provider = Provider(chosen.oidc_issuer, audiences, allow_http=chosen.stage == LOCAL_STAGE)
    scopes_claim = ScopesClaim(chosen.oidc_scopes_claim, chosen.oidc_scopes_prefix)
    return Gate(database(), provider, chosen.oidc_tenant_claim, scopes_claim, chosen.loopback_tenant)


@lru_cache
def console_sign_in() -> ConsoleSignIn:
    """How users of the console sign in at the identity provider."""
    chosen = settings()
    return ConsoleSignIn(
        gate().provider, chosen.console_client_id, chosen.console_oidc_scope, chosen.console_oidc_audience
    )


@lru_cache
def queue() -> JobQueue:
    """Where jobs go."""
    return JobQueue(sqs_client(), settings().queue_url)


def announcer(router: APIGatewayRestResolver | APIGatewayRouter) -> Announcer:
    """Who tells topic and bus of a report that this caller has ended."""
    return Announcer(
        system=database(),
        topic=Topic(sns_client(), settings().topic_arn),
        bus=Bus(events_client(), settings().event_bus_name),
        public_base_url=base_url(router),
    )


def caller_of(router: APIGatewayRestResolver | APIGatewayRouter) -> Caller:
    """Who makes the request that is being answered."""
    caller: Caller = router.context["caller"]
    return caller


def base_url(router: APIGatewayRestResolver | APIGatewayRouter) -> str:
    """Where this caller reached the API: the setting, or what API Gateway says of the request, with its stage."""
    if configured := settings().public_base_url:
        return configured
    context = router.current_event.request_context
    prefix = (context.path or "").removesuffix(router.current_event.path)
    return f"https://{context.domain_name}{prefix}"
