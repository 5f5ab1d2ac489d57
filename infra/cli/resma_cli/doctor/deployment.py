"""What may be wrong with a deployment, as one of its callers can see it."""

from __future__ import annotations

import email.utils
import ssl
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import urllib3

from resma_cli.amounts import count, duration
from resma_cli.api_client import Api, Json, connect_to
from resma_cli.connection import Place
from resma_cli.doctor.finding import Finding, fail, fine, warn
from resma_cli.exit_codes import CommandFailedError, ExitCode

SKEW_SECONDS = 30
"""More than this and tokens are refused (docs/access.md)."""
PENDING_MINUTES = 15
"""With nothing being generated meanwhile: the queue does not move."""
CERTIFICATE_DAYS = 14
SCOPES = (
    "reports:read",
    "reports:write",
    "reports:delete",
    "personal:read",
    "webhooks:manage",
    "keys:manage",
    "dead-letters:manage",
    "schedules:manage",
)
"""As resma.caller has them, which the client alone does not; a test holds them to it."""
_MAX_TOLD = 3
_DELIVERIES = 20
"""So many of an endpoint's newest are looked at."""


class Deployment:
    """A deployment, asked with the caller's own key."""

    def __init__(self, place: Place) -> None:
        self.place = place
        # Whoever looks for what is wrong wants to be told soon.
        self.api = Api(place, tries=2, read_seconds=15)

    @cached_property
    def health(self) -> urllib3.BaseHTTPResponse:
        """The answer of the one address that is open to all. Raises CommandFailedError."""
        return self.api.request("GET", "/health")

    @cached_property
    def me(self) -> Json:
        """Whose key it is, and what it may do. Raises CommandFailedError."""
        answer: Json = self.api.get("/api/v1/me")
        return answer


def check_reachable(deployment: Deployment) -> Finding:
    """That the API answers, over the network, as Resma does."""
    where = deployment.place.url
    try:
        said = deployment.health.json()
    except CommandFailedError as error:
        if error.exit_code not in {ExitCode.NOT_FOUND, ExitCode.REFUSED}:
            raise
        said = None
    except ValueError:
        said = None
    if not (isinstance(said, dict) and said.get("status") == "ok"):
        return fail("reachable", f"{where} answers, and not as Resma does", "check RESMA_URL, and its stage path")
    return fine("reachable", f"{where} answers")


def check_tls(deployment: Deployment) -> Finding | None:
    """That nobody on the way can read along, and for how long the certificate will do."""
    place = deployment.place
    if not place.url.startswith("https://"):
        if place.is_loopback:
            return None
        return fail("tls", f"{place.url} is not encrypted", "use its https address; docs/aws.md")
    ends = _certificate_end(place)
    if ends is None:
        return fine("tls", "the connection is encrypted and its certificate trusted")
    days = (ends - datetime.now(UTC)).days
    if days < CERTIFICATE_DAYS:
        return fail("tls", f"the certificate ends in {count(days, 'day')}", "renew it where the API's domain is set up")
    return fine("tls", f"encrypted; the certificate is trusted and good for {count(days, 'day')}")


def check_clocks(deployment: Deployment) -> Finding | None:
    """That this machine's clock and the deployment's agree."""
    if (there := read_date(deployment.health.headers.get("Date"))) is None:
        return None
    skew = (datetime.now(UTC) - there).total_seconds()
    if abs(skew) > SKEW_SECONDS:
        way = "ahead of" if skew > 0 else "behind"
        return fail("clocks", f"this machine's clock is {abs(skew):,.0f} s {way} the API's", "timedatectl set-ntp true")
    return fine("clocks", "this machine's clock and the API's agree")


def check_key(deployment: Deployment) -> Finding:
    """That the key is good: all that follows is asked with it."""
    try:
        me = deployment.me
    except CommandFailedError as error:
        if error.exit_code is not ExitCode.REFUSED:
            raise
        return fail("key", str(error), "set RESMA_KEY to a key that is good; docs/access.md")
    return fine("key", f"{me['subject']} of {me['tenantName']}")


def check_scopes(deployment: Deployment) -> Finding:
    """What the key may do."""
    me = deployment.me
    lacking = [scope for scope in SCOPES if scope not in me["scopes"]]
    who = f"{me['subject']} of {me['tenantName']}"
    if not {"reports:read", "reports:write"} & set(me["scopes"]):
        return fail(
            "scopes", f"{who} may neither ask for reports nor read them", "use a key with reports:read, reports:write"
        )
    if lacking:
        return warn(
            "scopes", f"{who} lacks {', '.join(lacking)}", "a key with these scopes may do more; docs/access.md"
        )
    return fine("scopes", f"{who} has all scopes")


def check_report_types(deployment: Deployment) -> Finding:
    """That there is something to ask for."""
    items = deployment.api.get("/api/v1/report-types")["items"]
    if not items:
        return fail("report-types", "there are none", "deploy with functions/catalog; docs/report-types.md")
    return fine("report-types", ", ".join(item["type"] for item in items))


def check_queue(deployment: Deployment) -> Finding:
    """That reports which wait are getting their turn."""
    pending, _ = deployment.api.pages("/api/v1/reports", {"status": "PENDING"}, 1000)
    running = deployment.api.get("/api/v1/reports", {"status": "GENERATING", "limit": 1})["items"]
    if not pending:
        return fine("queue", "no report waits")
    waited = datetime.now(UTC) - min(_timestamp(report["createdAt"]) for report in pending)
    said = f"{count(len(pending), 'report')} queued, the oldest for {duration(waited.total_seconds())}"
    if waited > timedelta(minutes=PENDING_MINUTES) and not running:
        return fail(
            "queue", f"{said}, and none is being made", "look at the worker's log and the tick; docs/operate.md"
        )
    return fine("queue", said)


def check_dead_letters(deployment: Deployment) -> Finding:
    """That nothing was given up."""
    items, following = deployment.api.pages("/api/v1/dead-letters", {}, 200)
    if items:
        more = "more than " if following else ""
        causes = ", ".join(sorted({item["error"]["code"] for item in items})[:_MAX_TOLD])
        fix = "fix what `resma dead-letter show ID` says, then `resma dead-letter redrive --all`"
        return fail("dead-letters", f"{more}{count(len(items), 'dead-lettered report')}: {causes}", fix)
    return fine("dead-letters", "none")


def check_webhooks(deployment: Deployment) -> Finding:
    """That endpoints take what is sent to them."""
    endpoints = deployment.api.get("/api/v1/webhook-endpoints")["items"]
    gone = [one["id"] for one in endpoints if one["disabledReason"] == "gone"]
    if gone:
        fix = "have it answer again, then enable it (docs/webhooks.md), or `resma webhook delete ID`"
        return fail("webhooks", f"{gone[0]} has answered 410 and was disabled", fix)
    failing = [one["id"] for one in endpoints if one["enabled"] and _is_failing(deployment.api, one["id"])]
    if failing:
        fix = f"`resma webhook deliveries --endpoint {failing[0]}` says why; `replay` sends it again, `delete` ends it"
        return fail("webhooks", f"what was last sent to {', '.join(failing[:_MAX_TOLD])} has failed", fix)
    return fine("webhooks", f"{count(len(endpoints), 'endpoint')}, none failing")


def check_schedules(deployment: Deployment) -> Finding:
    """That every schedule can run."""
    items, _ = deployment.api.pages("/api/v1/schedules", {}, 1000)
    blocked = [item for item in items if item["status"] == "BLOCKED"]
    if blocked:
        one = blocked[0]
        return fail("schedules", f"{len(blocked)} are blocked; {one['name']}: {one['statusDetail']}", "as it says")
    return fine("schedules", f"{count(len(items), 'schedule')}, none blocked")


NEEDED = frozenset({"reachable", "key"})
"""Without these there is nothing to be learned from the rest."""

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
    """Whether the last attempt of all failed: a delivery that waits for its next one may be older than the newest."""
    items = api.get(f"/api/v1/webhook-endpoints/{endpoint_id}/deliveries", {"limit": _DELIVERIES})["items"]
    ended = [
        (_timestamp(attempt["startedAt"]), not 200 <= (attempt["statusCode"] or 0) < 300)
        for item in items
        for attempt in item["attempts"]
        if attempt["statusCode"] or attempt["error"]
    ]
    return max(ended)[1] if ended else any(item["status"] == "FAILED" for item in items[:1])


def _certificate_end(place: Place) -> datetime | None:
    """When the certificate's time is over; None where a proxy stands between."""
    pool = connect_to(place.url)
    if isinstance(pool, urllib3.ProxyManager):
        return None
    parts = urllib3.util.parse_url(place.url)
    context = ssl.create_default_context()
    with (
        urllib3.util.connection.create_connection((parts.host or "", parts.port or 443), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=parts.host) as wrapped,
    ):
        certificate: Any = wrapped.getpeercert()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


def read_date(header: str | None) -> datetime | None:
    """The moment of a Date header (RFC 9110 §5.6.7); None where it says none."""
    try:
        return email.utils.parsedate_to_datetime(header or "").astimezone(UTC)
    except ValueError:
        return None


def _timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text)
