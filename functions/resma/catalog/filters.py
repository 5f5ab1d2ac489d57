"""Filters of a request: the pydantic model of a report type's filters, and their values formatted for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from resma.dates import find_missing_part
from resma.i18n.locales import Locale
from resma.request_errors import FieldError, RequestInvalidError, json_pointer
from resma.string_patterns import NO_NUL
from resma.validation_messages import advise

if TYPE_CHECKING:
    from resma.catalog.model import Filter, ReportType

# Each pattern is checked here and is part of the filters' JSON Schema, so the schema accepts exactly the valid values.
_ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_AMOUNT = r"^-?[0-9]{1,38}(\.[0-9]{1,37})?$"
_AMOUNT_LIMIT = 10**38 - 1


@lru_cache
def filter_model(report_type: ReportType) -> type[BaseModel]:
    """Returns the cached pydantic model of a report type's filters. The API publishes its JSON Schema."""
    return make_model(f"{report_type.type.title().replace('_', '')}Filters", report_type.filters)


@lru_cache
def _model_without(report_type: ReportType, names: tuple[str, ...]) -> type[BaseModel]:
    """Returns the cached pydantic model of the filters but those with these names."""
    return make_model("Filters", [item for item in report_type.filters if item.name not in names])


def make_model(name: str, filters: Sequence[Filter]) -> type[BaseModel]:
    """Returns a model with these filters as its only fields. A filter that is not set is None."""
    fields: dict[str, Any] = {
        # The alias allows names that are Python keywords or methods of models, such as `from` and `copy`.
        f"filter_{item.name}": (
            _annotation(item),
            Field(
                alias=item.name,
                title=item.label.in_language("en"),
                description=item.description.in_language("en"),
                **_default(item),
            ),
        )
        for item in filters
    }
    return create_model(name, __config__=ConfigDict(extra="forbid", frozen=True), **fields)


def check_values(report_type: ReportType, filters: Mapping[str, Any], split_by: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns the filters as JSON values, with defaults. Filters that are not set or null are omitted.

    Filters of the columns that a report is split by have no default. Raises RequestInvalidError with a field error for
    each filter that is unknown, missing, not valid, a date before another one, or of a column that the report is split
    by.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    # Columns by which the type cannot be split do not replace a filter.
    split_by = tuple(name for name in split_by if report_type.split and name in report_type.split.by)
    split_errors = [
        FieldError(
            json_pointer("filters", name),
            f"Remove it: the report is split by {name}, and each file has the rows of one value.",
        )
        for name in given
        if name in split_by
    ]
    given = {name: value for name, value in given.items() if name not in split_by}
    field_errors: list[FieldError] = []
    values: dict[str, Any] = {}
    try:
        checked = _model_without(report_type, split_by).model_validate(given)
        values = checked.model_dump(mode="json", by_alias=True, exclude_none=True)
    except ValidationError as error:
        field_errors = [
            _field_error(report_type, item) for item in error.errors(include_url=False, include_input=False)
        ]
        wrong = {field_error.pointer for field_error in field_errors}
        # The order of two dates can be checked even if another filter is not valid.
        values = {name: value for name, value in given.items() if json_pointer("filters", name) not in wrong}
    field_errors += [*_find_date_order_errors(report_type, values), *split_errors]
    if field_errors:
        raise RequestInvalidError.of(field_errors)
    return values


def check_named_values(report_type: ReportType, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns some filters as JSON values, for a search; other filters are not required and have no defaults.

    At least one filter must be set. Raises RequestInvalidError with a field error for each filter that is unknown or
    not valid.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    if not given:
        raise RequestInvalidError.of([FieldError("/filters", "It must have at least one filter.")])
    model = make_model("NamedFilters", [item for item in report_type.filters if item.name in given])
    try:
        return model.model_validate(given).model_dump(mode="json", by_alias=True, exclude_none=True)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        raise RequestInvalidError.of([_field_error(report_type, item) for item in items]) from None


def format_values(filters: Sequence[Filter], values: Mapping[str, Any], locale: Locale) -> tuple[tuple[str, str], ...]:
    """Returns pairs of label and formatted value, in the catalog's order."""
    return tuple(
        (item.label.in_language(locale.language), format_value(item, values[item.name], locale))
        for item in filters
        if item.name in values
    )


def _default(item: Filter) -> dict[str, Any]:
    """Returns the arguments of pydantic's Field that set the default."""
    if item.required:
        return {}
    if item.default is None:
        # A default of a factory is not part of the JSON Schema, where null is not a valid value.
        return {"default_factory": lambda: None}
    default = list(item.default) if isinstance(item.default, tuple) else item.default
    return {"default": default, "validate_default": True}


def _annotation(item: Filter) -> Any:
    if item.kind == "date":
        limits = _Limits(date.fromisoformat, item)
        # JSON Schema has no keywords for limits of dates. These are the keywords of ajv-formats.
        day = {"type": "string", "format": "date", "pattern": _ISO_DATE}
        schema: dict[str, Any] = {**day, **limits.named("formatMinimum", "formatMaximum")}
        return Annotated[date, BeforeValidator(_require_iso_date), AfterValidator(limits.check), WithJsonSchema(schema)]
    if item.kind == "choice":
        choice: Any = Literal.__getitem__(item.choices)
        return Annotated[list[choice], Field(min_length=1, max_length=len(item.choices))]
    if item.kind == "integer":
        # The range of bigint in Postgres.
        minimum = -(2**63) if item.minimum is None else int(item.minimum)
        maximum = 2**63 - 1 if item.maximum is None else int(item.maximum)
        return Annotated[int, Field(strict=True, ge=minimum, le=maximum)]
    if item.kind == "amount":
        limits = _Limits(Decimal, item)
        schema = {"type": ["string", "integer"], "format": "decimal", "pattern": _AMOUNT}
        schema |= {"minimum": -_AMOUNT_LIMIT, "maximum": _AMOUNT_LIMIT, **limits.named("x-minimum", "x-maximum")}
        return Annotated[Decimal, BeforeValidator(_require_exact), AfterValidator(limits.check), WithJsonSchema(schema)]
    length = Field(min_length=1, max_length=item.max_length, json_schema_extra={"pattern": NO_NUL})
    return Annotated[str, length, AfterValidator(_require_no_nul)]


class _Limits:
    """Minimum and maximum of a date or an amount. Error messages of pydantic's own limits would name Python types."""

    def __init__(self, read: Callable[[str], Any], item: Filter) -> None:
        self._minimum = None if item.minimum is None else read(str(item.minimum))
        self._maximum = None if item.maximum is None else read(str(item.maximum))

    def check(self, value: Any) -> Any:
        """Returns the value. Raises ValueError if it is outside the limits."""
        if self._minimum is not None and value < self._minimum:
            raise ValueError(f"It must be {self._minimum} or more.")
        if self._maximum is not None and value > self._maximum:
            raise ValueError(f"It must be {self._maximum} or less.")
        return value

    def named(self, minimum: str, maximum: str) -> dict[str, str]:
        """Returns the limits that are set, by the given names."""
        limits = {minimum: self._minimum, maximum: self._maximum}
        return {name: str(limit) for name, limit in limits.items() if limit is not None}


def _require_exact(value: object) -> object:
    """Raises ValueError for a JSON number with a fraction: parsed as a float, it may have lost digits."""
    is_exact = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    if is_exact and re.fullmatch(_AMOUNT, str(value)):
        return value
    raise ValueError('It must be an amount as a string, like "12.50".')


def _require_iso_date(value: object) -> object:
    """Raises ValueError for numbers and date-times, which pydantic would accept as dates."""
    if not (isinstance(value, str) and re.fullmatch(_ISO_DATE, value)):
        raise ValueError("It must be a date in the form YYYY-MM-DD.")
    if detail := find_missing_part(value):
        raise ValueError(detail)
    return value


def _require_no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("It must not contain the character NUL (U+0000).")
    return value


def format_value(item: Filter, value: Any, locale: Locale) -> str:
    """Returns a value of a filter for people."""
    if isinstance(value, list):
        return ", ".join(value)
    if item.kind == "date":
        return locale.format_date(value)
    return locale.format_number(str(value)) if item.kind == "amount" else str(value)


def _field_error(report_type: ReportType, item: Mapping[str, Any]) -> FieldError:
    pointer = json_pointer("filters", *item["loc"])
    if item["type"] == "extra_forbidden":
        known = ", ".join(f.name for f in report_type.filters)
        return FieldError(pointer, f"{report_type.type} has no such filter. Its filters are {known}.")
    if item["type"] == "missing":
        return FieldError(pointer, f"{report_type.type} requires this filter.")
    return FieldError(pointer, advise(item))


def _find_date_order_errors(report_type: ReportType, values: Mapping[str, Any]) -> Iterator[FieldError]:
    for later in report_type.filters:
        earlier = later.not_before
        # ISO 8601 dates with four-digit years sort as strings.
        if earlier and later.name in values and earlier in values and values[later.name] < values[earlier]:
            yield FieldError(
                json_pointer("filters", later.name), f"It must not be before {earlier} ({values[earlier]})."
            )
