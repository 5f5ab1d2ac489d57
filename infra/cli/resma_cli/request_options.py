"""Options of `generate`, `estimate` and `schedule create` that describe a report, converted to the API's JSON."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from resma_cli.api_client import Api, Json
from resma_cli.completion import complete_format, complete_locale
from resma_cli.exit_codes import CommandFailedError, ExitCode


@dataclass(frozen=True)
class ReportOptions:
    """Options that determine the rows, columns and formats of a report."""

    report_type: Annotated[str, typer.Argument(metavar="TYPE", help="Report type. `resma type list` lists them.")]
    formats: Annotated[
        list[str],
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            autocompletion=complete_format,
            help="Format: CSV, NDJSON, XLSX, PDF or PARQUET. Repeat the option for several. Default: CSV.",
        ),
    ] = field(default_factory=list)
    filters: Annotated[
        list[str],
        typer.Option(
            "--filter",
            metavar="NAME=VALUE",
            help="Restrict the rows. `resma type show TYPE` lists filters. Lists take values with commas.",
        ),
    ] = field(default_factory=list)
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,…", help="Include these columns, in this order. Default: all.")
    ] = None
    locale: Annotated[
        str | None,
        typer.Option(autocompletion=complete_locale, help="Language and number format, like en-US or pt-BR."),
    ] = None
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Time zone of dates in the report, such as America/Sao_Paulo.")
    ] = None
    title: Annotated[str | None, typer.Option(help="Title that is printed on the report.")] = None
    split_by: Annotated[
        str | None,
        typer.Option(
            "--split-by",
            metavar="A,B,…",
            help="Make one file in each format for each value of these columns. `resma type show TYPE` lists them.",
        ),
    ] = None
    zip_files: Annotated[bool, typer.Option("--zip", help="With --split-by: also make a ZIP archive of all files.")] = (
        False
    )
    retention_days: Annotated[
        int | None,
        typer.Option("--retention-days", metavar="N", min=1, help="Keep the files for this number of days."),
    ] = None
    options: Annotated[
        list[str],
        typer.Option(
            "--option",
            metavar="NAME=VALUE",
            help="Set an option of a format, such as csv.profile=excel. Repeat for more.",
        ),
    ] = field(default_factory=list)

    pdf_password_file: Annotated[
        str | None,
        typer.Option(
            "--pdf-password-file",
            metavar="FILE",
            help="Encrypt PDF files with the password in the first line of this file; `-`: of standard input.",
        ),
    ] = None

    only_if: Annotated[
        list[str],
        typer.Option(
            "--only-if",
            metavar="CONDITION",
            help="Skip the report unless its data meet this: rows>=1, amount>=100.00, amount:BRL<=0, or changed. "
            "Repeat the option for several.",
        ),
    ] = field(default_factory=list)

    def request(self, api: Api) -> Json:
        """Returns the request's body. Gets the schema of filters from the API, to distinguish numbers from strings.

        Raises CommandFailedError.
        """
        formats = [name.strip().upper() for value in self.formats for name in value.split(",")] or ["CSV"]
        request: Json = {"type": self.report_type.upper().replace("-", "_")}
        request |= {"format": formats[0]} if len(formats) == 1 else {"formats": formats}
        filters = read_pairs(self.filters, "--filter from=2024-01-01")
        request["filters"] = shape_filters(filters, _schema_of(api, request["type"]) if filters else {})
        if self.columns is not None:
            request["columns"] = [name.strip() for name in self.columns.split(",")]
        settings = {"locale": self.locale, "timeZone": self.time_zone, "title": self.title}
        request |= {name: value for name, value in settings.items() if value is not None}
        if self.split_by is not None:
            request["splitBy"] = [name.strip() for name in self.split_by.split(",")]
        if self.zip_files:
            request["zip"] = True
        if self.retention_days is not None:
            request["retentionDays"] = self.retention_days
        if self.options:
            request["options"] = read_options(self.options)
        if self.pdf_password_file is not None:
            pdf = request.setdefault("options", {}).setdefault("pdf", {})
            pdf["password"] = read_password(self.pdf_password_file)
        if self.only_if:
            request["onlyIf"] = read_conditions(self.only_if)
        return request


def named_filters(api: Api, report_type: str, texts: Sequence[str]) -> Json:
    """Returns filters given as `NAME=VALUE` as JSON values of the types in the schema. Raises CommandFailedError."""
    return shape_filters(read_pairs(texts, "--filter account=1"), _schema_of(api, report_type))


def read_pairs(texts: Sequence[str], example: str) -> dict[str, list[str]]:
    """Returns the values of each name, in order. Raises CommandFailedError."""
    pairs: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals):
            raise CommandFailedError(
                ExitCode.USAGE, f"`{text}` is not a name and a value. Use a form like `{example}`."
            )
        pairs.setdefault(name.strip(), []).append(value)
    return pairs


def read_password(file: str) -> str:
    """Returns the first line of a file, or of standard input for `-`. Raises CommandFailedError."""
    try:
        text = sys.stdin.readline() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CommandFailedError(ExitCode.USAGE, f"The password file cannot be read: {reason}.") from None
    if not (lines := text.splitlines()) or not lines[0]:
        raise CommandFailedError(ExitCode.USAGE, "The first line of the password file is empty.")
    return lines[0]


_JSON_VALUES = {"true": True, "false": False, "null": None}


def read_options(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns options by format. `true`, `false` and `null` are values of JSON. Raises CommandFailedError."""
    options: dict[str, dict[str, Any]] = {}
    for name, values in read_pairs(texts, example := "--option csv.profile=excel").items():
        format_, dot, option = name.partition(".")
        if not (format_ and dot and option) or len(values) > 1:
            raise CommandFailedError(
                ExitCode.USAGE, f"`--option {name}` is not valid. Give each option once, in a form like `{example}`."
            )
        if (format_.lower(), option) == ("pdf", "password"):
            # Other users of the machine can see the arguments of a program.
            detail = "Use `--pdf-password-file` for the password of PDF files, which must not be an argument."
            raise CommandFailedError(ExitCode.USAGE, detail)
        options.setdefault(format_.lower(), {})[option] = _JSON_VALUES.get(values[0], values[0])
    return options


_CONDITION = re.compile(r"(?P<name>[^<>=:]+)(:(?P<currency>[^<>=]+))?(?P<sign>>=|<=)(?P<limit>[^<>=]+)")


def read_conditions(texts: Sequence[str]) -> Json:
    """Returns conditions as the API's JSON. Limits of the same total are one condition. Raises CommandFailedError."""
    only_if: Json = {}
    totals: dict[tuple[str, str | None], Json] = {}
    for text in texts:
        if text.strip() == "changed":
            only_if["changed"] = True
            continue
        found = _CONDITION.fullmatch(text)
        if found is None:
            detail = (
                f"`--only-if {text}` is not a condition. Use one like `rows>=1`, `amount:BRL>=100.00` or `changed`."
            )
            raise CommandFailedError(ExitCode.USAGE, detail)
        name, currency, limit = found["name"].strip(), found["currency"], found["limit"].strip()
        bound = "min" if found["sign"] == ">=" else "max"
        if name == "rows" and currency is None:
            only_if.setdefault("rows", {})[bound] = int(limit) if limit.isascii() and limit.isdecimal() else limit
            continue
        key = (name, currency and currency.strip())
        totals.setdefault(key, {"amount": key[0], **({"currency": key[1]} if key[1] else {})})[bound] = limit
    return only_if | ({"totals": list(totals.values())} if totals else {})


def shape_filters(pairs: Mapping[str, Sequence[str]], schema: Mapping[str, Any]) -> Json:
    """Returns filters as JSON values of the types in the schema.

    Values of another type and unknown names are kept as strings, so that the API reports the error. Raises
    CommandFailedError for several values of a filter that has one value.
    """
    return {name: _shape(name, values, schema.get(name) or {}) for name, values in pairs.items()}


def _shape(name: str, values: Sequence[str], schema: Mapping[str, Any]) -> Any:
    if schema.get("type") == "array":
        return [item.strip() for value in values for item in value.split(",")]
    if len(values) > 1:
        if schema:
            raise CommandFailedError(ExitCode.USAGE, f"`--filter {name}` takes one value. Use the option once.")
        return list(values)
    text = values[0]
    if schema.get("type") == "integer":
        return int(text) if text.removeprefix("-").isascii() and text.removeprefix("-").isdecimal() else text
    if schema.get("type") == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _schema_of(api: Api, report_type: str) -> Mapping[str, Any]:
    try:
        types = api.get("/api/v1/report-types")["items"]
    except CommandFailedError as error:
        if error.exit_code is not ExitCode.REFUSED:
            raise
        return {}  # the key lacks the scope to read, so values are sent as strings
    schemas = [item["filters"].get("properties") or {} for item in types if item["type"] == report_type]
    return schemas[0] if schemas else {}
