"""`resma login`, `logout`, `whoami` and `profile list`: URLs and keys that are saved by name."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer
from rich.console import Console

from resma_cli.api_client import Api, Json
from resma_cli.connection import Place, check_key, check_url, read_key, require_private
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import Column, draw_pairs, draw_table
from resma_cli.profiles import (
    DEFAULT_PROFILE,
    Profile,
    check_name,
    config_path,
    delete_profile,
    read_profiles,
    save_profile,
)
from resma_cli.shared_options import Setting, examples, with_groups

app = typer.Typer()
profile_app = typer.Typer(no_args_is_help=True, help="Show the profiles that `resma login` has saved.")


@app.command(
    "login",
    epilog=examples(
        "resma login https://reports.example.com",
        "resma login reports.example.com --profile production",
        "resma login https://reports.example.com < key.txt",
    ),
)
@with_groups
def login(
    setting: Setting,
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="URL of the API. Default: asks for it.")] = None,
) -> None:
    """Save the URL and the key of a deployment as a profile.

    Asks for the key on a terminal without showing it, else reads it from standard input. Checks the key with the API,
    then writes it to the configuration file, which only you can read. Without --profile it becomes the default profile.
    """
    name = check_name(setting.profile or DEFAULT_PROFILE)
    place = Place(check_url(url or setting.api_url or _ask("URL of the API: ")))
    key = read_key(setting.key_file) if setting.key_file else check_key(_ask_key(), "Standard input")
    if key is None and not place.is_loopback:
        raise CommandFailedError(
            ExitCode.USAGE, "No key was given. One looks like rsm_…_…; `resma key create` creates one."
        )
    place = Place(place.url, key)
    require_private(place)
    me: Json = Api(place).get("/api/v1/me")
    path = save_profile(Profile(name, place.url, key))
    document = {"profile": name, "url": place.url, "config": str(path), **me}
    said = f"Saved profile {name} in {path}: {me['subject']} of {me['tenantName']}."
    setting.output.show(document, lambda console: console.print(said, markup=False))


@app.command("logout", epilog=examples("resma logout", "resma logout --profile production"))
@with_groups
def logout(setting: Setting) -> None:
    """Delete a profile and its key from this machine. The key itself stays valid."""
    name = setting.profile or DEFAULT_PROFILE
    delete_profile(name)
    said = f"Deleted profile {name}. Its key stays valid until it expires or `resma key revoke` revokes it."
    setting.output.show({"profile": name, "status": "deleted"}, lambda console: console.print(said, markup=False))


@app.command("whoami", epilog=examples("resma whoami", "resma whoami --profile production"))
@with_groups
def show_caller(setting: Setting) -> None:
    """Show which API is called, and for whom, with which scopes."""
    place = setting.place
    me: Json = setting.api.get("/api/v1/me")

    def draw(console: Console) -> None:
        pairs = [("url", place.url), ("profile", place.profile), ("caller", me["subject"])]
        draw_pairs(console, [*pairs, ("tenant", me["tenantName"]), ("scopes", " ".join(me["scopes"]))])

    setting.output.show({"url": place.url, "profile": place.profile, **me}, draw)


@profile_app.command("list", epilog=examples("resma profile list"))
@with_groups
def list_profiles(setting: Setting) -> None:
    """List profiles, without their keys."""
    profiles = [profile for _, profile in sorted(read_profiles().items())]
    items = [{"name": one.name, "url": one.url, "hasKey": one.key is not None} for one in profiles]

    def draw(console: Console) -> None:
        rows = [(one.name, one.url, "yes" if one.key else "no") for one in profiles]
        draw_table(console, ("PROFILE", Column("URL", is_flexible=True), "KEY"), rows)

    setting.output.show({"config": str(config_path()), "items": items}, draw)


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        raise CommandFailedError(ExitCode.USAGE, "A URL is required: `resma login URL`.")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _ask_key() -> str | None:
    """The key from the terminal, not shown, or from standard input."""
    text = getpass.getpass("API key (not shown): ") if sys.stdin.isatty() else sys.stdin.read(1 << 16)
    return text.strip() or None
