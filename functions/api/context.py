"""Objects that routes need: clients that are created once per process, and the caller of the current request."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.auth.authenticate import Gate
from api.auth.console_sign_in import ConsoleSignIn
from api.auth.roles import Roles
from api.auth.token_claims import ScopesClaim
from api.auth.tokens import Provider
from api.deployment_rules import DeploymentRules, SourceTimeZones
from api.settings import ApiSettings, split_audiences
from resma.access.caller import Caller
from resma.aws.clients import events_client, presign_seconds, s3_client, sns_client, sqs_client
from resma.database.connection import Database
from resma.destinations.queue import DeliveryQueue
from resma.encryption.deployment_key import DeploymentKey
from resma.events.announcer import Announcer
from resma.events.destinations import Bus, Topic
from resma.jobs.download_links import DOWNLOAD_SECONDS, Signer
from resma.jobs.queue import JobQueue
from resma.request_errors import FieldError
from resma.requests.receivers import find_receiver_errors
from resma.requests.report_request import ReportRequest
from resma.settings import LOCAL_STAGE, read_settings

POLL_SECONDS = 1
"""Value of the header `Retry-After` while a report is in progress, in seconds."""


@lru_cache
def settings() -> ApiSettings:
    """Returns the settings that template.yaml sets."""
    return read_settings(ApiSettings)


@lru_cache
def database() -> Database:
    """Returns the database of the project's own tables."""
    return Database(settings().database_secret_arn, "resma-api")


@lru_cache
def source() -> Database:
    """Returns the database that reports read, with a login that can only read."""
    return Database(settings().source_secret_arn, "resma-api-estimate", "source-database")


@lru_cache
def records() -> Database:
    """Returns the database of the project's own tables, for estimates of reports about them."""
    return Database(settings().database_secret_arn, "resma-api-records")


@lru_cache
def rules() -> DeploymentRules:
    """Returns the rules for requests that depend on this deployment."""
    return DeploymentRules(settings().receivers, SourceTimeZones(source()))


def rules_for(caller: Caller | None) -> DeploymentRules:
    """Returns the rules for requests of a caller, with those of `deliverTo` and `encryptFor`.

    Use it without an open transaction.

    A request without a caller, such as one of the sign-in, names neither.
    """
    if caller is None:
        return rules()

    def find_errors(request: ReportRequest) -> list[FieldError]:
        if not (request.deliver_to or request.encrypt_for):
            return []
        with database().transaction(caller.tenant_id) as connection:
            return find_receiver_errors(connection, caller, request)

    return replace(rules(), find_more_errors=find_errors)


@lru_cache
def gate() -> Gate:
    """Returns what callers are authenticated with."""
    values = settings()
    provider = None
    if values.oidc_issuer:
        audiences = split_audiences(values.oidc_audience)
        provider = Provider(values.oidc_issuer, audiences, allow_http=values.stage == LOCAL_STAGE)
    scopes_claim = ScopesClaim(values.oidc_scopes_claim, values.oidc_scopes_prefix)
    roles = Roles(values.oidc_groups_claim, values.group_scopes) if values.oidc_groups_claim else None
    return Gate(database(), provider, values.oidc_tenant_claim, scopes_claim, roles, values.loopback_tenant)


@lru_cache
def console_sign_in() -> ConsoleSignIn:
    """Returns the sign-in of console users at the identity provider."""
    values = settings()
    return ConsoleSignIn(
        gate().provider, values.console_client_id, values.console_oidc_scope, values.console_oidc_audience
    )


@lru_cache
def sealing() -> DeploymentKey:
    """Returns the key that passwords of files are sealed with."""
    return DeploymentKey(settings().sealing_secret_arn)


@lru_cache
def queue() -> JobQueue:
    """Returns the queue of jobs."""
    return JobQueue(sqs_client(), settings().queue_url)


@lru_cache
def delivery_queue() -> DeliveryQueue:
    """Returns the queue of deliveries."""
    return DeliveryQueue(sqs_client(), settings().delivery_queue_url)


def signer() -> Signer:
    """Returns what presigns the URLs of files for readers."""
    secret_arn = settings().s3_credentials_secret_arn
    s3 = s3_client(secret_arn, settings().s3_public_endpoint_url)
    return Signer(s3, settings().bucket, presign_seconds(DOWNLOAD_SECONDS, secret_arn))


def announcer(router: APIGatewayRestResolver | APIGatewayRouter) -> Announcer:
    """Returns the announcer that publishes events of reports that this caller has ended."""
    return Announcer(
        system=database(),
        topic=Topic(sns_client(), settings().topic_arn),
        bus=Bus(events_client(), settings().event_bus_name),
        public_base_url=base_url(router),
    )


def caller_of(router: APIGatewayRestResolver | APIGatewayRouter) -> Caller:
    """Returns the caller of the current request."""
    caller: Caller = router.context["caller"]
    return caller


def base_url(router: APIGatewayRestResolver | APIGatewayRouter) -> str:
    """Returns the base URL of the API: the setting, or the URL of the current request with its API Gateway stage."""
    if configured := settings().public_base_url:
        return configured
    context = router.current_event.request_context
    prefix = (context.path or "").removesuffix(router.current_event.path)
    return f"https://{context.domain_name}{prefix}"
