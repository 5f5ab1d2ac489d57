"""Lambda function of the HTTP API. Each route decodes the request, calls one use case and encodes the response."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, get_type_hints

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.typing import LambdaContext

from api.access_log.routes import router as access_log_router
from api.api_keys.routes import router as api_keys_router
from api.auth.authenticate import authenticate
from api.auth.scopes import check_scopes, require_scopes
from api.certificates.routes import router as certificates_router
from api.context import base_url, gate, rules_for
from api.dead_letters.routes import router as dead_letters_router
from api.destinations.routes import router as destinations_router
from api.destinations.suppressed import router as suppressed_addresses_router
from api.erasures.routes import router as erasures_router
from api.estimates.routes import router as estimates_router
from api.holds.routes import router as holds_router
from api.http.allowed_methods import allowed_methods
from api.http.body import check_body
from api.http.problems import problem, problem_of, unexpected_problem
from api.http.routing import current_route, routes_of
from api.http.security_headers import add_security_headers
from api.openapi.document import render_document
from api.pages import console, console_sign_in, documentation
from api.report_files.routes import router as report_files_router
from api.report_types.routes import router as report_types_router
from api.reports.request_routes import router as report_requests_router
from api.reports.routes import router as reports_router
from api.schedules.routes import router as schedules_router
from api.service import health, me
from api.validation.parameters import check_parameters, parameter_errors
from api.validation.partial_body import find_more_errors
from api.webhooks.delivery_routes import router as webhook_deliveries_router
from api.webhooks.endpoint_routes import router as webhook_endpoints_router
from resma.access.caller import Caller
from resma.errors import ResmaError
from resma.request_errors import CredentialsMissingError, FieldError, RequestInvalidError, json_pointer
from resma.requests.retention import retention_settings
from resma.validation_messages import advise

logger = Logger()

app = APIGatewayRestResolver(enable_validation=True)

_REPORT = re.compile(r"/api/v1/(?:reports|dead-letters)/([0-9a-fA-F-]{36})(?:/|$)")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handles an event of API Gateway. HEAD is answered like GET, without the body (RFC 9110 §9.3.2)."""
    is_head = event.get("httpMethod") == "HEAD"
    answer = _answer_to({**event, "httpMethod": "GET"} if is_head else event, context)
    add_security_headers(answer, event)
    return {**answer, "body": ""} if is_head else answer


def _answer_to(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Returns the response. All paths except health, console and documentation need credentials."""
    path = event.get("path", "")
    _log_report_id(path)
    app.clear_context()  # type: ignore[no-untyped-call]  # a caller that the router has not removed because its request was rejected
    try:
        if not any(part.is_open(event) for part in (health, console, documentation)):
            app.append_context(caller=_authenticate(event))  # type: ignore[no-untyped-call]
        if rejection := _reject_method(str(event.get("httpMethod")), path):
            return _to_gateway(rejection)
        require_scopes(routes_of(app), event, app.context.get("caller"))
        check_body(event)
    except ResmaError as error:
        return _to_gateway(_answer(error, path))
    except Exception as error:
        logger.exception("a request has failed", error=type(error).__name__)
        return _to_gateway(unexpected_problem(path))
    return app.resolve(event, context)


app.use(middlewares=[check_scopes, check_parameters])
app.include_router(report_requests_router)
app.include_router(estimates_router)
app.include_router(reports_router)
app.include_router(report_files_router)
app.include_router(holds_router)
app.include_router(erasures_router)
app.include_router(access_log_router)
app.include_router(report_types_router)
app.include_router(api_keys_router)
app.include_router(health.router)
app.include_router(console_sign_in.router)
app.include_router(console.router)
app.include_router(documentation.router)
app.include_router(me.router)
app.include_router(dead_letters_router)
app.include_router(webhook_endpoints_router)
app.include_router(webhook_deliveries_router)
app.include_router(schedules_router)
app.include_router(destinations_router)
app.include_router(suppressed_addresses_router)
app.include_router(certificates_router)


@app.get(documentation.DOCUMENT, include_in_schema=False)
def handle_get_openapi() -> Response[str]:
    """Handles GET: returns the OpenAPI document. It has the report types of this deployment for known callers only."""
    is_known = app.context.get("caller") is not None
    max_days = retention_settings().max_retention_days
    document = render_document(app, base_url(app), max_retention_days=max_days, with_report_types=is_known)
    headers: dict[str, str | list[str]] = {"Vary": "Authorization, X-Api-Key"}
    return Response(HTTPStatus.OK, "application/json", document, headers=headers)


@app.exception_handler(ResmaError)  # type: ignore[untyped-decorator]
def handle_error(error: ResmaError) -> Response[str]:
    """Returns the problem for an error of this project. Errors with a status of 500 or more are logged."""
    return _answer(error, app.current_event.path)


def _answer(error: ResmaError, path: str) -> Response[str]:
    answer = problem_of(error, path)
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("a request could not be served", code=error.code)
    return answer


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def handle_invalid(error: RequestValidationError) -> Response[str]:
    """Returns the problem for a request that powertools rejected, with one validation error for each field."""
    field_errors = [FieldError(_pointer(item["loc"]), _advice(item)) for item in error.errors()]
    route = current_route(app)
    known = {field_error.pointer for field_error in field_errors}
    more_errors = parameter_errors(route, app.current_event.query_string_parameters or {}, app.current_event.headers)
    field_errors += [field_error for field_error in more_errors if field_error.pointer not in known]
    model = get_type_hints(route.func).get("body")
    if isinstance(model, type):  # an optional body is a union, and has nothing else to check
        found = find_more_errors(model, app.current_event.json_body, field_errors, rules_for(app.context.get("caller")))
        field_errors += found
    return _answer(RequestInvalidError.of(field_errors), app.current_event.path)


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def handle_unexpected(error: Exception) -> Response[str]:
    """Returns the problem for an unexpected exception. Its cause is logged and not shown to the caller."""
    logger.exception("a request has failed", error=type(error).__name__)
    return unexpected_problem(app.current_event.path)


@app.not_found
def handle_no_route(_error: NotFoundError) -> Response[str]:
    """Returns the problem for a URL that does not exist."""
    detail = "This URL does not exist. GET /openapi.json lists all URLs."
    return problem(HTTPStatus.NOT_FOUND, "not-found", detail, app.current_event.path)


def _reject_method(method: str, path: str) -> Response[str] | None:
    """Returns the problem for a URL that exists, but not with this method (RFC 9110 §15.5.6); otherwise None."""
    methods = allowed_methods(routes_of(app), path)
    if not methods or method in methods:
        return None
    detail = f"This URL does not allow {method}. Allowed methods: {', '.join(methods)}."
    answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", detail, path)
    answer.headers["Allow"] = ", ".join(methods)
    return answer


def _log_report_id(path: str) -> None:
    """Adds the report id in the path to every log line of this request."""
    match = _REPORT.match(path)
    if match:
        logger.append_keys(report_id=match[1].lower())
    else:
        logger.remove_keys(["report_id"])


def _pointer(location: tuple[Any, ...]) -> str:
    """Returns the JSON pointer of a location, without its first part, which is `body` or `query` in pydantic."""
    return json_pointer(*location[1:])


def _advice(item: dict[str, Any]) -> str:
    if item["type"] == "missing" and len(item["loc"]) == 1:
        return "The body is missing. Send a JSON object, as GET /openapi.json describes it."
    return advise(item)


def _authenticate(event: dict[str, Any]) -> Caller | None:
    """Returns the caller, or None if credentials are optional and missing. Raises the errors of `authenticate`."""
    try:
        return authenticate(gate(), event)
    except CredentialsMissingError:
        if documentation.is_open_without_key(event):
            return None
        raise


def _to_gateway(answer: Response[str]) -> dict[str, Any]:
    headers = {"Content-Type": [answer.content_type or ""]}
    headers |= {name: [str(value)] for name, value in answer.headers.items()}
    return {
        "statusCode": answer.status_code,
        "multiValueHeaders": headers,
        "body": answer.body,
        "isBase64Encoded": False,
    }
