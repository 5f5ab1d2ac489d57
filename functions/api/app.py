"""API Lambda: HTTP in, answers out. Routes decode, call a use case, encode."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from api.check_body import check_body
from api.describe_report_types import describe_report_types
from api.download_report import download_report
from api.list_report_types import list_report_types
from api.list_reports import ListQuery, list_reports
from api.models import ReportList, ReportRequest, ReportTypeList, ReportView, Status
from api.problems import problem, problem_of, unexpected_problem
from api.request_report import Queue, request_report
from api.settings import ApiSettings
from api.show_report import show_report
from resma.aws import s3_client, sqs_client
from resma.database import Database
from resma.errors import Fault, ReportNotFound, RequestError, ResmaError, json_pointer
from resma.locales import DEFAULT_LOCALE
from resma.reports import find_report
from resma.settings import read_settings
from resma.writers import Format

logger = Logger()

POLL_SECONDS = 1
"""What Retry-After says while a report is under way."""

DEMO_TENANT = "demo"
"""The only tenant until callers are authenticated."""

app = APIGatewayRestResolver(enable_validation=True)


@lru_cache
def _settings() -> ApiSettings:
    return read_settings(ApiSettings)


@lru_cache
def _database() -> Database:
    return Database(_settings().database_secret_arn, "resma-api")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for API Gateway."""
    try:
        check_body(event)
    except RequestError as error:
        return _bare(problem_of(error, event.get("path", "")))
    return app.resolve(event, context)


@app.post(
    "/api/v1/reports/generate",
    summary="Ask for a report",
    status_code=HTTPStatus.ACCEPTED,
    description="Answers at once; the report is generated meanwhile. Takes an Idempotency-Key header.",
    tags=["reports"],
)
def handle_post_report(body: ReportRequest) -> Response[ReportView]:
    """POST: 202 with the report's id, `Location` and `Retry-After`."""
    queue = Queue(sqs_client(), _settings().queue_url)
    key = app.current_event.headers.get("Idempotency-Key")
    report = request_report(_database(), queue, DEMO_TENANT, body, key)
    view = show_report(report, _base_url())
    headers: dict[str, str | list[str]] = {"Location": view.links.self_, "Retry-After": str(POLL_SECONDS)}
    return Response(HTTPStatus.ACCEPTED, "application/json", view, headers=headers)


@app.get("/api/v1/reports", summary="List reports, newest first", tags=["reports"])
def handle_get_reports(
    status: Annotated[Status | None, Query(description="Only this status.")] = None,
    type_: Annotated[
        str | None, Query(alias="type", pattern="^[A-Z][A-Z0-9_]{0,99}$", description="Only this report type.")
    ] = None,
    format_: Annotated[Format | None, Query(alias="format", description="Only this format.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Reports a page.")] = 50,
    cursor: Annotated[str | None, Query(description="Where the page begins: part of `next`.")] = None,
) -> ReportList:
    """GET: a page of reports, and the address of the next one."""
    query = ListQuery(status, type_, format_, limit, cursor)
    return list_reports(_database(), DEMO_TENANT, query, _base_url())


@app.get("/api/v1/reports/<report_id>", summary="Show a report's status and progress", tags=["reports"])
def handle_get_report(
    report_id: Annotated[str, Path(description="The report's id.")],
) -> Response[ReportView]:
    """GET: one report; `Retry-After` while it is under way."""
    with _database().transaction() as connection:
        report = find_report(connection, DEMO_TENANT, _report_id(report_id))
    under_way = report.status in {"PENDING", "GENERATING"}
    headers: dict[str, str | list[str]] = {"Retry-After": str(POLL_SECONDS)} if under_way else {}
    return Response(HTTPStatus.OK, "application/json", show_report(report, _base_url()), headers=headers)


@app.get(
    "/api/v1/reports/<report_id>/download",
    summary="Fetch a report's file",
    status_code=HTTPStatus.SEE_OTHER,
    description="Redirects to an address that is good for one hour; ask again for another.",
    tags=["reports"],
)
def handle_get_download(
    report_id: Annotated[str, Path(description="The report's id.")],
    format_: Annotated[Format | None, Query(alias="format", description="Of several files, this one.")] = None,
) -> Response[None]:
    """GET: 303 to a presigned address, minted now."""
    settings = _settings()
    s3 = s3_client(settings.s3_credentials_secret_arn, settings.s3_public_endpoint_url)
    address = download_report(_database(), s3, settings.bucket, DEMO_TENANT, _report_id(report_id), format_)
    headers: dict[str, str | list[str]] = {"Location": address, "Cache-Control": "no-store"}
    return Response(HTTPStatus.SEE_OTHER, headers=headers)


@app.get("/api/v1/report-types", summary="List what can be asked for", tags=["report types"])
def handle_get_report_types(
    locale: Annotated[
        str, Query(description="In whose language: a locale that reports can have.")
    ] = DEFAULT_LOCALE.tag,
) -> ReportTypeList:
    """GET: every report type with the JSON Schema of its filters."""
    return list_report_types(locale)


@app.get("/openapi.json", include_in_schema=False)
def handle_get_openapi() -> Response[str]:
    """GET: the OpenAPI document of this API, with this stage's address."""
    document = app.get_openapi_json_schema(title="Resma", version="1", servers=_servers())
    return Response(HTTPStatus.OK, "application/json", describe_report_types(document))


@app.get("/", include_in_schema=False)
def handle_get_root() -> Response[None]:
    """GET: whoever comes by the front door is shown the documentation."""
    return Response(HTTPStatus.SEE_OTHER, headers={"Location": f"{_base_url()}/docs"})


app.enable_swagger(path="/docs", title="Resma", version="1")


@app.exception_handler(ResmaError)  # type: ignore[untyped-decorator]
def handle_error(error: ResmaError) -> Response[str]:
    """Our own errors: the caller's are answered, all others also logged."""
    answer = problem_of(error, app.current_event.path)
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("a request could not be served", code=error.code)
    return answer


@app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]
def handle_invalid(error: RequestValidationError) -> Response[str]:
    """What powertools' validation found: one fault for each place."""
    items = error.errors()
    faults = [Fault(_pointer(item["loc"]), _advice(item)) for item in items]
    parts = "one part" if len(faults) == 1 else f"{len(faults)} parts"
    detail = f"{parts} of the request can't be used: see `errors`"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "request-invalid", detail, app.current_event.path, faults)


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def handle_unexpected(error: Exception) -> Response[str]:
    """A fault of ours: logged with its cause, which the caller does not see."""
    logger.exception("a request has failed", error=type(error).__name__)
    return unexpected_problem(app.current_event.path)


@app.not_found
def handle_no_route(_error: NotFoundError) -> Response[str]:
    """No such route."""
    detail = "there is nothing at this address: GET /openapi.json lists what there is"
    return problem(HTTPStatus.NOT_FOUND, "not-found", detail, app.current_event.path)


def _report_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ReportNotFound("that is no report's id: GET /api/v1/reports lists yours") from None


def _pointer(location: tuple[Any, ...]) -> str:
    """A JSON pointer into the body, or the parameter's name; pydantic's own first part names where it looked."""
    return json_pointer(*location[1:])


_ADVICE = {
    "extra_forbidden": "there is no such field: leave it out",
    "missing": "this is needed",
    "dict_type": "give an object",
    "model_type": "give an object",
    "model_attributes_type": "give an object",
    "list_type": "give an array",
    "string_type": "give a text",
    "too_short": "name at least one, or leave it out",
    "string_pattern_mismatch": "it has a character that can't be used here: leave out line ends and control characters",
}
"""What to do, by the type of pydantic's error; its own words are good enough for the others."""


def _advice(item: dict[str, Any]) -> str:
    if item["type"] == "missing" and len(item["loc"]) == 1:
        return "send a JSON object with at least type and format"
    return _ADVICE.get(item["type"]) or str(item["msg"]).removeprefix("Value error, ")


def _base_url() -> str:
    """Where this caller reached the API: the setting, or what API Gateway says of the request, with its stage."""
    if configured := _settings().public_base_url:
        return configured
    context = app.current_event.request_context
    prefix = (context.path or "").removesuffix(app.current_event.path)
    return f"https://{context.domain_name}{prefix}"


def _servers() -> list[Any]:
    from aws_lambda_powertools.event_handler.openapi.models import Server  # noqa: PLC0415  # slow, and rarely needed

    return [Server(url=_base_url())]


def _bare(answer: Response[str]) -> dict[str, Any]:
    headers = {"Content-Type": [answer.content_type or ""]}
    return {
        "statusCode": answer.status_code,
        "multiValueHeaders": headers,
        "body": answer.body,
        "isBase64Encoded": False,
    }
