"""The OpenAPI document is valid, and has descriptions and schemas that people and client generators can use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from api.api_keys.models import ApiKeyRequest
from api.app import app
from api.openapi.document import render_document
from api.openapi.introduction import TAGS
from api.openapi.report_types import COLUMNS_BY_TYPE, FILTERS_BY_TYPE, SPLIT_COLUMNS_BY_TYPE
from api.openapi.schemas import COMPONENT, all_schemas, enumerations, operations
from api.schedules.models import PreviewRequest, ScheduleChanges, ScheduleRequest
from api.webhooks.models import EndpointChanges, EndpointRequest
from resma.access.caller import SCOPES
from resma.catalog import load_catalog
from resma.json_models import RequestModel
from resma.requests.report_request import ReportRequest

Json = dict[str, Any]

SERVER = "https://api.example/stage"
MAX_DAYS = 90


def render(*, with_report_types: bool) -> Json:
    text = render_document(app, SERVER, max_retention_days=MAX_DAYS, with_report_types=with_report_types)
    rendered: Json = json.loads(text)
    return rendered


@pytest.fixture(scope="module", params=["for everybody", "with report types"])
def document(request: pytest.FixtureRequest) -> Json:
    return render(with_report_types=request.param == "with report types")


def walk(value: object, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yields each JSON object with its JSON pointer."""
    if isinstance(value, dict):
        yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from walk(part, f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}")


def resolve(document: Json, reference: str) -> Any:
    """Returns the target of a reference."""
    found: Any = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def properties(document: Json) -> Iterator[tuple[str, Json]]:
    """Yields each property of each schema with its JSON pointer."""
    for path, part in walk(document["components"]["schemas"]):
        if isinstance(part.get("properties"), dict) and part.get("type") == "object":
            yield from ((f"{path}/{name}", schema) for name, schema in part["properties"].items())


def in_requests(document: Json) -> set[str]:
    """Returns the names of the components that request bodies use."""
    bodies = [operation.get("requestBody") for path in document["paths"].values() for operation in path.values()]
    found: set[str] = set()
    waiting = [part["$ref"] for _, part in walk(bodies) if "$ref" in part]
    while waiting:
        reference = waiting.pop()
        if reference.startswith(COMPONENT) and reference not in found:
            found.add(reference)
            waiting += [part["$ref"] for _, part in walk(resolve(document, reference)) if "$ref" in part]
    return {reference.removeprefix(COMPONENT) for reference in found}


# ---------------------------------------------------------------- valid


def test_it_is_valid(document: Json) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1.")
    assert document["servers"][0]["url"] == SERVER
    assert document["info"]["title"]
    assert document["info"]["description"]


def test_every_reference_has_a_target(document: Json) -> None:
    references = [part["$ref"] for _, part in walk(document) if isinstance(part.get("$ref"), str)]
    assert references
    for reference in references:
        resolve(document, reference)


def test_every_schema_is_part_of_an_operation() -> None:
    """Schemas of routes that are not in the document, such as those of the console, are not in it either."""
    document = render(with_report_types=False)
    references = {part["$ref"] for _, part in walk(document) if isinstance(part.get("$ref"), str)}
    assert {COMPONENT + name for name in document["components"]["schemas"]} <= references


def test_retention_has_the_limit_of_the_deployment(document: Json) -> None:
    choices = document["components"]["schemas"]["ReportRequest"]["properties"]["retentionDays"]["anyOf"]
    assert choices == [{"type": "integer", "minimum": 1, "maximum": MAX_DAYS}, {"type": "null"}]


def test_names_of_columns_and_totals_are_not_empty(document: Json) -> None:
    schemas = document["components"]["schemas"]
    request = schemas["ReportRequest"]["properties"]
    names = [request[name]["anyOf"][0]["items"] for name in ("columns", "splitBy")]
    assert all(each["minLength"] == 1 for each in (*names, schemas["TotalCondition"]["properties"]["amount"]))


def test_examples_are_valid(document: Json) -> None:
    found = {path: part for path, part in walk(document["components"]["schemas"]) if "examples" in part}
    assert {"/ReportRequest", "/Problem", "/CreateScheduleRequest", "/CreateApiKeyRequest"} <= found.keys()
    for schema in found.values():
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]})
        for example in schema["examples"]:
            validator.validate(example)


@pytest.mark.parametrize(
    "model",
    [
        ReportRequest,
        ApiKeyRequest,
        ScheduleRequest,
        ScheduleChanges,
        PreviewRequest,
        EndpointRequest,
        EndpointChanges,
    ],
)
def test_the_api_accepts_its_examples(model: type[RequestModel]) -> None:
    examples = model.model_json_schema()["examples"]
    assert examples
    for example in examples:
        model.model_validate(example)


# ---------------------------------------------------------------- descriptions


def test_everything_is_described(document: Json) -> None:
    for operation in operations(document):
        name = operation["operationId"]
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
        for parameter in operation.get("parameters", ()):
            assert parameter["description"].endswith("."), (name, parameter)
        for status, answer in operation["responses"].items():
            described = resolve(document, answer["$ref"]) if "$ref" in answer else answer
            assert described["description"].endswith("."), (name, status)
            assert described["description"] != "Successful Response", (name, status)
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description"), name
    for path, schema in properties(document):
        # A property that is only a reference has the description of its target.
        described = resolve(document, schema["$ref"]) if set(schema) == {"$ref"} else schema
        assert described.get("description"), path
    for header in document["components"]["headers"].values():
        assert header["description"].endswith(".")


def test_operations_name_the_scope_that_they_require(document: Json) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            needed = {scope for each in operation["security"] for scopes in each.values() for scope in scopes}
            assert needed <= SCOPES
            assert all(f"`{scope}`" in operation["description"] for scope in needed)


def test_names_are_those_that_a_person_would_choose(document: Json) -> None:
    names = [operation["operationId"] for operation in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)+", name) for name in names), names
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        assert re.fullmatch("([A-Z][a-z]+)+", name), name
        assert not name.endswith(("View", "Model")), name
        assert schema["title"] == name
        # The generator for Go makes a constructor `New…` for each.
        assert not name.startswith("New"), name
    for path in document["paths"]:
        assert not re.search(r"\{[^}]*_", path), path


def test_values_of_an_enumeration_have_the_same_case(document: Json) -> None:
    found = [part["enum"] for part in all_schemas(document) if "enum" in part]
    for values in found:
        assert len({value.isupper() for value in values}) == 1 or values == ["A4", "Letter"], values


def test_statuses_are_upper_case(document: Json) -> None:
    found = {path: schema for path, schema in properties(document) if path.endswith("/status")}
    for path, schema in found.items():
        target = resolve(document, schema["$ref"]) if "$ref" in schema else schema
        values = target.get("enum", [])
        assert path == "/Health/status" or all(value.isupper() for value in values), path
    assert len(found) > 4


def test_tags_are_declared_and_in_order(document: Json) -> None:
    assert [tag["name"] for tag in document["tags"]] == list(TAGS)
    used = [operation["tags"] for operation in operations(document)]
    assert {name for (name,) in used} == set(TAGS)
    first, *_ = document["paths"].values()
    assert first["post"]["operationId"] == "generateReport"


# ---------------------------------------------------------------- for generators


def test_requests_are_plain_schemas(document: Json) -> None:
    for name in in_requests(document):
        for path, part in walk(document["components"]["schemas"][name], name):
            assert not {"oneOf", "allOf", "if", "then", "else", "not"} & part.keys(), path
    request = document["components"]["schemas"]["ReportRequest"]
    assert request["properties"].keys() >= {"type", "format", "formats", "filters", "columns", "options"}


def test_optional_properties_have_no_default(document: Json) -> None:
    """TypeScript generators make a property with a default required."""
    for path, schema in properties(document):
        assert "default" not in schema, path
    locale = document["components"]["schemas"]["ReportRequest"]["properties"]["locale"]
    assert locale["description"].endswith("Default: `en-US`.")


def test_no_value_is_in_two_enumerations(document: Json) -> None:
    """The generator for Go names a constant after each value."""
    values = [value for name in enumerations() for value in document["components"]["schemas"][name]["enum"]]
    assert len(set(values)) == len(values)


def test_answers_have_every_property(document: Json) -> None:
    report = document["components"]["schemas"]["Report"]
    assert set(report["required"]) == set(report["properties"])


def test_path_parameters_have_a_pattern_and_are_in_the_path(document: Json) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            found = [each for each in operation.get("parameters", ()) if each["in"] == "path"]
            assert {each["name"] for each in found} == set(re.findall(r"\{(\w+)\}", path))
            for each in found:
                assert each["required"]
                assert each["schema"]["pattern"]
                assert each["schema"].get("format") == ("uuid" if each["name"] == "reportId" else None)


def test_every_operation_except_health_requires_authentication(document: Json) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert bool(operation["security"]) == (path != "/health")


def test_headers_are_declared(document: Json) -> None:
    found = {
        (operation["operationId"], status): {*answer["headers"]}
        for methods in document["paths"].values()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
        if "headers" in answer
    }
    assert found["generateReport", "202"] == {"Location", "Retry-After"}
    assert found["retryReport", "202"] == {"Location", "Retry-After"}
    assert found["createSchedule", "201"] == {"Location"}
    assert found["getReport", "200"] == {"Retry-After"}
    assert found["downloadReport", "303"] == {"Location"}
    assert found["generateReport", "429"] == {"Retry-After"}
    assert found["generateReport", "401"] == {"WWW-Authenticate"}


def test_events_are_webhooks(document: Json) -> None:
    assert set(document["webhooks"]) == {"report.ready", "report.failed", "report.cancelled", "report.skipped"}
    for webhook in document["webhooks"].values():
        headers = {parameter["name"] for parameter in webhook["post"]["parameters"]}
        assert headers == {"webhook-id", "webhook-timestamp", "webhook-signature"}
        assert webhook["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/WebhookEvent")


# ---------------------------------------------------------------- what is public


def test_report_types_are_for_known_callers() -> None:
    public, whole = (render(with_report_types=known) for known in (False, True))
    types = load_catalog()
    assert len(types) > 1
    request = whole["components"]["schemas"]["ReportRequest"]["properties"]
    assert request["type"]["enum"] == list(types)
    for name, report_type in types.items():
        filters = resolve(whole, request["filters"][FILTERS_BY_TYPE][name]["$ref"])
        assert list(filters["properties"]) == [each.name for each in report_type.filters]
        columns = resolve(whole, request["columns"][COLUMNS_BY_TYPE][name]["$ref"])
        assert columns["items"]["enum"] == [each.name for each in report_type.shown_columns]
    assert request["splitBy"][SPLIT_COLUMNS_BY_TYPE] == {"ACCOUNT_STATEMENT": ["account"]}
    example = public["components"]["schemas"]["ReportRequest"].pop("examples")
    text = json.dumps({**public, "info": None}).replace(json.dumps(example), "")
    hidden = {f"{column.name}" for report_type in types.values() for column in report_type.columns}
    assert "counterparty" in hidden
    assert "counterparty" not in text
    assert not any(part.get("enum") == list(types) for part in all_schemas(public))
