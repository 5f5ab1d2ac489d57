"""Checks of a deployment through its API, with the caller's key."""

from __future__ import annotations

import email.utils
import ssl
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import urllib3

from resma_cli.amounts import count, duration
from resma_cli.api_client import Api, Json, connect_to
from resma_cli.connection import ApiConfig
from resma_cli.doctor.finding import Finding, fail, ok, warn
from resma_cli.exit_codes import CommandFailedError, ExitCode

MAX_SKEW_SECONDS = 30
"""Maximum difference of clocks. With a larger one, tokens are rejected (docs/access.md)."""
MAX_PENDING_MINUTES = 15
"""Maximum time that a report may wait while no report is generated."""
MIN_CERTIFICATE_DAYS = 14
"""Minimum number of days for which the certificate must still be valid."""
SCOPES = (
    "reports:read",
    "reports:write",
    "reports:delete",
    "personal:read",
    "webhooks:manage",
    "destinations:manage",
    "keys:manage",
    "dead-letters:manage",
    "schedules:manage",
)
"""All scopes. A test compares them with resma.access.caller, which the client's package does not contain."""
_MAX_NAMED = 3
"""Maximum number of items that a message names."""
_DELIVERIES = 20
"""Number of an endpoint's newest deliveries that are checked."""


class Deployment:
    """A deployment, which is called with the caller's key."""

    def __init__(self, config: ApiConfig) -> None:
        self.config = config
        # Fewer attempts and a shorter timeout than for other commands, so that an outage is reported soon.
        self.api = Api(config, tries=2, read_seconds=15)

    @cached_property
    def health(self) -> urllib3.BaseHTTPResponse:
        """The answer of /health, which needs no credentials. Raises CommandFailedError."""
        return self.api.request("GET", "/health")

    @cached_property
    def me(self) -> Json:
        """The tenant, subject and scopes of the key. Raises CommandFailedError."""
        answer: Json = self.api.get("/api/v1/me")
        return answer


def check_reachable(deployment: Deployment) -> Finding:
    """Checks that the URL is that of Resma's API."""
    url = deployment.config.url
    try:
        answer = deployment.health.json()
    except CommandFailedError as error:
        if error.exit_code not in {ExitCode.NOT_FOUND, ExitCode.REFUSED}:
            raise
        answer = None
    except ValueError:
        answer = None
    if not (isinstance(answer, dict) and answer.get("status") == "ok"):
        return fail("reachable", f"{url} answers, but not as Resma does.", "Check RESMA_URL and its stage path.")
    return ok("reachable", f"{url} answers.")


def check_tls(deployment: Deployment) -> Finding | None:
    """Checks that the connection is encrypted, and that the certificate does not expire soon."""
    config = deployment.config
    if not config.url.startswith("https://"):
        if config.is_loopback:
            return None
        return fail("tls", f"The connection to {config.url} is not encrypted.", "Use its https URL, see docs/aws.md.")
    expires_at = _certificate_expiry(config)
    if expires_at is None:
        return ok("tls", "The connection is encrypted, and its certificate is trusted.")
    days = (expires_at - datetime.now(UTC)).days
    if days < MIN_CERTIFICATE_DAYS:
        return fail(
            "tls", f"The certificate expires in {count(days, 'day')}.", "Renew it where the API's domain is managed."
        )
    return ok("tls", f"The connection is encrypted. The certificate is trusted and valid for {count(days, 'day')}.")


def check_clocks(deployment: Deployment) -> Finding | None:
    """Checks that the clocks of this machine and the deployment agree."""
    if (api_time := read_date(deployment.health.headers.get("Date"))) is None:
        return None
    skew = (datetime.now(UTC) - api_time).total_seconds()
    if abs(skew) > MAX_SKEW_SECONDS:
        message = f"This machine's clock is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} the API's."
        return fail("clocks", message, "Run `timedatectl set-ntp true`.")
    return ok("clocks", "The clocks of this machine and the API agree.")


def check_key(deployment: Deployment) -> Finding:
    """Checks that the key is valid. All later checks use it."""
    try:
        me = deployment.me
    except CommandFailedError as error:
        if error.exit_code is not ExitCode.REFUSED:
            raise
        return fail("key", str(error), "Set RESMA_KEY to a valid key, see docs/access.md.")
    return ok("key", f"The key is {me['subject']} of {me['tenantName']}.")


def check_scopes(deployment: Deployment) -> Finding:
    """Checks that the key has scopes to request and to read reports."""
    me = deployment.me
    missing = [scope for scope in SCOPES if scope not in me["scopes"]]
    caller = f"{me['subject']} of {me['tenantName']}"
    if not {"reports:read", "reports:write"} & set(me["scopes"]):
        return fail(
            "scopes",
            f"{caller} may neither request nor read reports.",
            "Use a key with reports:read and reports:write.",
        )
    if missing:
        message = f"{caller} lacks {', '.join(missing)}."
        return warn("scopes", message, "If you need these scopes, use a key that has them, see docs/access.md.")
    return ok("scopes", f"{caller} has all scopes.")


def check_report_types(deployment: Deployment) -> Finding:
    """Checks that the deployment has report types, and that none of them has errors."""
    catalog = deployment.api.get("/api/v1/report-types")
    items, errors = catalog["items"], catalog["errors"]
    if errors:
        names = ", ".join(dict.fromkeys(error["type"] for error in errors))
        first = f"{errors[0]['file']}:{errors[0]['line']}: {errors[0]['detail']}"
        return fail(
            "report-types", f"Report types with errors: {names}. {first}", "Run `resma check`, and correct the files."
        )
    if not items:
        return fail(
            "report-types", "No report types exist.", "Deploy a catalog that has some, see docs/report-types.md."
        )
    return ok("report-types", f"Report types: {', '.join(item['type'] for item in items)}.")


def check_queue(deployment: Deployment) -> Finding:
    """Checks that reports are generated while others wait."""
    pending, _ = deployment.api.pages("/api/v1/reports", {"status": "PENDING"}, 1000)
    running = deployment.api.get("/api/v1/reports", {"status": "GENERATING", "limit": 1})["items"]
    if not pending:
        return ok("queue", "No report is waiting.")
    waited = datetime.now(UTC) - min(_timestamp(report["createdAt"]) for report in pending)
    queued = f"{count(len(pending), 'report')} queued, the oldest for {duration(waited.total_seconds())}"
    if waited > timedelta(minutes=MAX_PENDING_MINUTES) and not running:
        return fail(
            "queue", f"{queued}. None is being generated.", "See the logs of worker and scheduler, and docs/operate.md."
        )
    return ok("queue", f"{queued}.")


def check_dead_letters(deployment: Deployment) -> Finding:
    """Checks that no report was dead-lettered."""
    items, following = deployment.api.pages("/api/v1/dead-letters", {}, 200)
    if items:
        more = "more than " if following else ""
        causes = ", ".join(sorted({item["error"]["code"] for item in items})[:_MAX_NAMED])
        fix = "Fix the error that `resma dead-letter show ID` shows, then run `resma dead-letter redrive --all`."
        return fail("dead-letters", f"{more}{count(len(items), 'dead-lettered report')}: {causes}.", fix)
    return ok("dead-letters", "No report was dead-lettered.")


def check_webhooks(deployment: Deployment) -> Finding:
    """Checks that webhook endpoints accept deliveries."""
    endpoints = deployment.api.get("/api/v1/webhook-endpoints")["items"]
    gone = [one["id"] for one in endpoints if one["disabledReason"] == "gone"]
    if gone:
        fix = "Repair the receiver and enable the endpoint (docs/webhooks.md), or run `resma webhook delete ID`."
        return fail("webhooks", f"The endpoint {gone[0]} was disabled, because it answered 410.", fix)
    failing = [one["id"] for one in endpoints if one["enabled"] and _is_failing(deployment.api, one["id"])]
    if failing:
        fix = f"See `resma webhook deliveries --endpoint {failing[0]}`, then `resma webhook replay` or `delete`."
        return fail("webhooks", f"The last attempt failed for {', '.join(failing[:_MAX_NAMED])}.", fix)
    return ok("webhooks", f"{count(len(endpoints), 'endpoint')}, none failing.")


def check_schedules(deployment: Deployment) -> Finding:
    """Checks that no schedule is blocked."""
    items, _ = deployment.api.pages("/api/v1/schedules", {}, 1000)
    blocked = [item for item in items if item["status"] == "BLOCKED"]
    if blocked:
        number = count(len(blocked), "schedule is", "schedules are")
        message = f"{number} blocked. {blocked[0]['name']}: {blocked[0]['statusDetail']}"
        return fail("schedules", message, "Remove the cause that the message names.")
    return ok("schedules", f"{count(len(items), 'schedule')}, none blocked.")


REQUIRED = frozenset({"reachable", "key"})
"""Checks without which the others are not possible."""

CHECKS = (
    check_reachable,
    check_tls,
    check_clocks,
    check_key,
    check_scopes,
    check_report_types,
    check_queue,
    check_dead_letters,
    check_webhooks,
    check_schedules,
)


def _is_failing(api: Api, endpoint_id: str) -> bool:
    """Returns whether the last attempt of all deliveries failed. It may belong to an older delivery that is retried."""
    items = api.get(f"/api/v1/webhook-endpoints/{endpoint_id}/deliveries", {"limit": _DELIVERIES})["items"]
    ended = [
        (_timestamp(attempt["startedAt"]), not 200 <= (attempt["statusCode"] or 0) < 300)
        for item in items
        for attempt in item["attempts"]
        if attempt["statusCode"] or attempt["error"]
    ]
    return max(ended)[1] if ended else any(item["status"] == "FAILED" for item in items[:1])


def _certificate_expiry(config: ApiConfig) -> datetime | None:
    """Returns when the certificate expires; None if a proxy is used."""
    pool = connect_to(config.url)
    if isinstance(pool, urllib3.ProxyManager):
        return None
    parts = urllib3.util.parse_url(config.url)
    context = ssl.create_default_context()
    with (
        urllib3.util.connection.create_connection((parts.host or "", parts.port or 443), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=parts.host) as wrapped,
    ):
        certificate: Any = wrapped.getpeercert()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


def read_date(header: str | None) -> datetime | None:
    """Returns the timestamp of a Date header (RFC 9110 §5.6.7); None if it has none."""
    try:
        return email.utils.parsedate_to_datetime(header or "").astimezone(UTC)
    except ValueError:
        return None


def _timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text)
