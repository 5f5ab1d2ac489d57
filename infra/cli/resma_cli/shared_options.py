"""Options that several commands share: dataclasses whose fields become options of a command."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from resma_cli.api_client import Api
from resma_cli.completion import complete_profiles
from resma_cli.connection import ApiConfig, find_api_config
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import Output

_PANEL = "Connection and output"


@dataclass(frozen=True)
class OutputOptions:
    """Options of every command that determine its output."""

    as_json: Annotated[
        bool,
        typer.Option("--json", rich_help_panel=_PANEL, help="Print one JSON document on standard output."),
    ] = False
    is_quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", rich_help_panel=_PANEL, help="Print results and errors only, and no progress."),
    ] = False

    @functools.cached_property
    def output(self) -> Output:
        """The output of the command."""
        return Output(as_json=self.as_json, is_quiet=self.is_quiet)


@dataclass(frozen=True)
class ApiOptions(OutputOptions):
    """Options of every command that calls the API."""

    api_url: Annotated[
        str | None,
        typer.Option(
            "--url",
            rich_help_panel=_PANEL,
            metavar="URL",
            help="Call the API at this URL. Default: RESMA_URL, else a profile, else the stack on this machine.",
        ),
    ] = None
    profile: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_PANEL,
            metavar="NAME",
            autocompletion=complete_profiles,
            help="Use the URL and the key that `resma login` saved under this name. Default: RESMA_PROFILE.",
        ),
    ] = None
    key_file: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_PANEL,
            metavar="FILE",
            help="Read the API key from this file. Default: the key in RESMA_KEY.",
        ),
    ] = None

    @property
    def api_config(self) -> ApiConfig:
        """URL and key of the API. Raises CommandFailedError."""
        return find_api_config(self.api_url, self.key_file, self.profile)

    @functools.cached_property
    def api(self) -> Api:
        """The client of the API. Raises CommandFailedError if no API is named."""
        return Api(self.api_config)


Source = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="SOURCE",
        show_envvar=False,
        help="Read the rows of reports from this Postgres, with any role that can read. Default: that of SOURCE, or of "
        "the running stack.",
    ),
]

Catalog = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="RESMA_CATALOG",
        show_envvar=False,
        help="Folder of the report types. Default: RESMA_CATALOG, or ./reports, or the catalog of the demo bank.",
    ),
]

Limit = Annotated[int, typer.Option(min=1, max=100_000, help="List at most this many.")]


def with_groups(command: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a command for typer in which each dataclass parameter is replaced by options for its fields.

    Options before the command's name also apply to the command, unless they are repeated after it.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {
        name: hints[name] for name in inspect.signature(command).parameters if dataclasses.is_dataclass(hints[name])
    }

    # typer passes the context to only one parameter.
    own = next((name for name in inspect.signature(command).parameters if hints[name] is typer.Context), None)

    def run(**given: Any) -> Any:
        context: typer.Context = given[own] if own else given.pop(_CONTEXT.name)
        before: Mapping[str, Any] = context.find_root().obj or {}
        for name, group in groups.items():
            values = {field.name: given.pop(field.name) for field in dataclasses.fields(group)}
            if issubclass(group, OutputOptions):
                values = {each: value or before.get(each, value) for each, value in values.items()}
            given[name] = group(**values)
        try:
            return command(**given)
        except BrokenPipeError as error:  # typer would end the program with exit code 1
            raise CommandFailedError(ExitCode.BROKEN_PIPE, "The reader of standard output has ended.") from error

    parameters = [] if own else [_CONTEXT]
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            parameters += _parameters_of(groups[parameter.name])
        else:
            parameters.append(parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


_CONTEXT = inspect.Parameter("_context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


def _parameters_of(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default_of(field),
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(group)
    ]


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default


def examples(*lines: str) -> str:
    """Returns the examples at the end of a command's help."""
    return "Examples:\n\n" + "\n\n".join(lines)
