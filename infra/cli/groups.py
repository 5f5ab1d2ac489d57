"""Options that several commands share: a dataclass whose fields are options, taken by a command as one parameter."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from infra.cli.api import Api
from infra.cli.output import Output
from infra.cli.place import Place, find_place

_PANEL = "Where to, and how it answers"


@dataclass(frozen=True)
class Setting:
    """Options of every command that asks the API."""

    api_url: Annotated[
        str | None,
        typer.Option(
            "--url",
            rich_help_panel=_PANEL,
            metavar="URL",
            help="Address of the API; else RESMA_URL, else the stack that is up on this machine.",
        ),
    ] = None
    key_file: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_PANEL, metavar="FILE", help="A file that holds the key; else RESMA_KEY holds it."
        ),
    ] = None
    as_json: Annotated[
        bool, typer.Option("--json", rich_help_panel=_PANEL, help="One JSON document on standard output.")
    ] = False

    @property
    def place(self) -> Place:
        """Where the API is. Raises CommandFailed."""
        return find_place(self.api_url, self.key_file)

    @functools.cached_property
    def api(self) -> Api:
        """The API. Raises CommandFailed where there is none."""
        return Api(self.place)

    @functools.cached_property
    def output(self) -> Output:
        """Where results go."""
        return Output(as_json=self.as_json)


def with_groups(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command for typer: each parameter that is a dataclass becomes its fields' options, put together again here."""
    hints = get_type_hints(command, include_extras=True)
    groups = {
        name: hints[name] for name in inspect.signature(command).parameters if dataclasses.is_dataclass(hints[name])
    }

    def run(**given: Any) -> Any:
        for name, group in groups.items():
            values = {field.name: given.pop(field.name) for field in dataclasses.fields(group)}
            given[name] = group(**values)
        return command(**given)

    parameters = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            parameters += _parameters_of(groups[parameter.name])
        else:
            parameters.append(parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


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
    """The end of a command's help: how it is used."""
    return "Examples:\n\n" + "\n\n".join(lines)
