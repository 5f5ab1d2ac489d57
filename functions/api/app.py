"""API Lambda: HTTP in, answers out. Routes (in routes/) decode, call a use case, encode."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.typing import LambdaContext

from api.allowed_methods import allowed_methods
from api.authenticate import authenticate
from api.check_body import check_body
from api.context import base_url, gate
from api.describe_report_types import describe_report_types
from api.problems import problem, problem_of, unexpected_problem
from api.routes import (
    api_keys,
    console,
    dead_letters,
    health,
    me,
    report_requests,
    report_types,
    reports,
    schedules,
    webhook_deliveries,
    webhook_endpoints,
)
from api.scopes import SECURITY_SCHEMES, check_scopes
from resma.advice import advise
from resma.errors import Fault, ResmaError, json_pointer

logger = Logger()

app = APIGatewayRestResolver(enable_validation=True)

_POINTER_SAID = 200
"""Characters of a pointer that a problem's detail shows; `errors` has all of it."""

_REPORT = re.compile(r"/api/v1/(?:reports|dead-letters)/([0-9a-fA-F-]{36})(?:/|$)")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for API Gateway. Nothing but its health and the console's page is shown to nobody in particular."""
    path = event.get("path", "")
    _log_whose(path)
    app.clear_context()  # type: ignore[no-untyped-call]  # whoever was refused last
    try:
        if not health.is_open(event) and not console.is_open(event):
            app.append_context(caller=authenticate(gate(), event))  # type: ignore[no-untyped-call]
        check_body(event)
    except ResmaError as error:
        return _bare(_answer(error, path))
    except Exception as error:
        logger.exception("a request has failed", error=type(error).__name__)
        return _bare(unexpected_problem(path))
    answer = app.resolve(event, context)
    # With X-Api-Key a cache on the way would not know that an answer is one caller's (RFC 9111 §3.5).
    answer["multiValueHeaders"].setdefault("Cache-Control", ["no-store"])
    return answer


app.use(middlewares=[check_scopes])
app.include_router(report_requests.router)
app.include_router(reports.router)
app.include_router(report_types.router)
app.include_router(api_keys.router)
app.include_router(health.router)
app.include_router(console.router)
app.include_router(me.router)
app.include_router(dead_letters.router)
app.include_router(webhook_endpoints.router)
app.include_router(webhook_deliveries.router)
app.include_router(schedules.router)


@app.get("/openapi.json", include_in_schema=False)
def handle_get_openapi() -> Response[str]:
    """GET: the OpenAPI document of this API, with this stage's address."""
    document = app.get_openapi_json_schema(
        title="Resma", version="1", servers=_servers(), security_schemes=SECURITY_SCHEMES
    )
    return Response(HTTPStatus.OK, "application/json", describe_report_types(document))


app.enable_swagger(path="/docs", title="Resma", version="1", security_schemes=SECURITY_SCHEMES)


@app.exception_handler(ResmaError)  # type: ignore[untyped-decorator]
def handle_error(error: ResmaError) -> Response[str]:
    """Our own errors: the caller's are answered, all others also logged."""
    return _answer(error, app.current_event.path)


def _answer(error: ResmaError, path: str) -> Response[str]:
    answer = problem_of(error, path)
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("a request could not be served", code=error.code)
    return answer


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def handle_invalid(error: RequestValidationError) -> Response[str]:
    """What powertools' validation found: one fault for each place."""
    items = error.errors()
    faults = [Fault(_pointer(item["loc"]), _advice(item)) for item in items]
    if len(faults) == 1:
        detail = f"one part of the request can't be used: {_said(faults[0])}"
    else:
        detail = f"{len(faults)} parts of the request can't be used: see `errors`"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "request-invalid", detail, app.current_event.path, faults)


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def handle_unexpected(error: Exception) -> Response[str]:
    """A fault of ours: logged with its cause, which the caller does not see."""
    logger.exception("a request has failed", error=type(error).__name__)
    return unexpected_problem(app.current_event.path)


@app.not_found
def handle_no_route(_error: NotFoundError) -> Response[str]:
    """No such route; or one, but not with this method (RFC 9110 §15.5.6)."""
    path = app.current_event.path
    if methods := allowed_methods([*app._static_routes, *app._dynamic_routes], path):
        detail = f"this address does not take {app.current_event.http_method}: it takes {', '.join(methods)}"
        answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", detail, path)
        answer.headers["Allow"] = ", ".join(methods)
        return answer
    detail = "there is nothing at this address: GET /openapi.json lists what there is"
    return problem(HTTPStatus.NOT_FOUND, "not-found", detail, app.current_event.path)


def _log_whose(path: str) -> None:
    """Every line about this request names the report that its address names."""
    named = _REPORT.match(path)
    if named:
        logger.append_keys(report_id=named[1].lower())
    else:
        logger.remove_keys(["report_id"])


def _pointer(location: tuple[Any, ...]) -> str:
    """A JSON pointer into the body, or the parameter's name; pydantic's own first part names where it looked."""
    return json_pointer(*location[1:])


def _said(fault: Fault) -> str:
    """On one line, however long a name somebody has made up."""
    return f"{fault.pointer[:_POINTER_SAID]}: {fault.detail}" if fault.pointer else fault.detail


def _advice(item: dict[str, Any]) -> str:
    if item["type"] == "missing" and len(item["loc"]) == 1:
        return "send a JSON object: GET /openapi.json describes it"
    return advise(item)


def _servers() -> list[Any]:
    from aws_lambda_powertools.event_handler.openapi.models import Server  # noqa: PLC0415  # slow, and rarely needed

    return [Server(url=base_url(app))]


def _bare(answer: Response[str]) -> dict[str, Any]:
    headers = {"Content-Type": [answer.content_type or ""]}
    headers |= {name: [str(value)] for name, value in answer.headers.items()}
    return {
        "statusCode": answer.status_code,
        "multiValueHeaders": headers,
        "body": answer.body,
        "isBase64Encoded": False,
    }
