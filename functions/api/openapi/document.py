"""Builds the OpenAPI document."""

from __future__ import annotations

import json
from functools import lru_cache

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from api.auth.scopes import SECURITY_SCHEMES
from api.openapi.answers import describe_answers
from api.openapi.introduction import DESCRIPTION, TAGS, TITLE, VERSION
from api.openapi.order import sort_operations
from api.openapi.report_types import describe_report_types
from api.openapi.schemas import Json, name_locales, tidy_parameters, tidy_schemas
from api.openapi.webhooks import describe_webhooks
from resma.catalog import offered_locales


def render_document(
    app: APIGatewayRestResolver, base_url: str, *, max_retention_days: int, with_report_types: bool
) -> str:
    """Returns the OpenAPI 3.1 document of an API as JSON.

    `base_url` is the server, and `max_retention_days` the limit of the deployment. The report types of the deployment,
    with their filters and columns, are part of the document only if `with_report_types` is true.
    """
    document: Json = json.loads(_skeleton(app, tuple(offered_locales())))
    document["servers"] = [{"url": base_url, "description": "This deployment"}]
    _limit_retention(document, max_retention_days)
    if with_report_types:
        describe_report_types(document)
    return json.dumps(document, ensure_ascii=False)


@lru_cache(maxsize=2)
def _skeleton(app: APIGatewayRestResolver, _locales: tuple[str, ...]) -> str:
    """Returns the part that is the same for all callers.

    It is built once per process, in a quarter of a second, and again if resma.toml offers other locales.
    """
    document: Json = json.loads(
        app.get_openapi_json_schema(title=TITLE, version=VERSION, security_schemes=SECURITY_SCHEMES)
    )
    document["info"]["description"] = DESCRIPTION
    document["tags"] = [{"name": name, "description": description} for name, description in TAGS.items()]
    describe_webhooks(document)
    name_locales(document)
    tidy_parameters(document)
    tidy_schemas(document)
    describe_answers(document)
    sort_operations(document)
    return json.dumps(document)


def _limit_retention(document: Json, max_days: int) -> None:
    """Sets the maximum of `retentionDays`, which is an integer or null."""
    for choice in document["components"]["schemas"]["ReportRequest"]["properties"]["retentionDays"]["anyOf"]:
        if choice["type"] == "integer":
            choice["maximum"] = max_days
