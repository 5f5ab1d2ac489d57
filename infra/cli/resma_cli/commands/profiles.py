"""`resma login`, `logout`, `whoami` and `profile list`: saved URLs and keys of deployments."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer
from rich.console import Console

from resma_cli.api_client import Api, Json
from resma_cli.connection import ApiConfig, check_key, check_url, read_key, require_private
from resma_cli.exit_codes import CommandFailedError, ExitCode
from resma_cli.output import TableColumn, draw_pairs, draw_table
from resma_cli.profiles import (
    DEFAULT_PROFILE,
    Profile,
    check_name,
    config_path,
    delete_profile,
    read_profiles,
    save_profile,
)
from resma_cli.shared_options import ApiOptions, examples, with_groups

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
    api_options: ApiOptions,
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="URL of the API. Default: a prompt.")] = None,
) -> None:
    """Save the URL and the key of a deployment as a profile.

    Prompts for the key on a terminal without showing it, otherwise reads it from standard input. Checks the key with
    the API, then writes it to the configuration file, which only you can read. Default profile: `default`.
    """
    name = check_name(api_options.profile or DEFAULT_PROFILE)
    config = ApiConfig(check_url(url or api_options.api_url or _prompt("URL of the API: ")))
    key = read_key(api_options.key_file) if api_options.key_file else check_key(_prompt_key(), "Standard input")
    if key is None and not config.is_loopback:
        raise CommandFailedError(
            ExitCode.USAGE, "No key was given. A key looks like rsm_…_…. `resma key create` creates one."
        )
    config = ApiConfig(config.url, key)
    require_private(config)
    me: Json = Api(config).get("/api/v1/me")
    path = save_profile(Profile(name, config.url, key))
    document = {"profile": name, "url": config.url, "config": str(path), **me}
    message = f"Saved profile {name} in {path}: {me['subject']} of {me['tenantName']}."
    api_options.output.show(document, lambda console: console.print(message, markup=False))


@app.command("logout", epilog=examples("resma logout", "resma logout --profile production"))
@with_groups
def logout(api_options: ApiOptions) -> None:
    """Delete a profile and its key from this machine. The key itself stays valid."""
    name = api_options.profile or DEFAULT_PROFILE
    delete_profile(name)
    message = f"Deleted profile {name}. Its key stays valid until it expires or `resma key revoke` revokes it."
    api_options.output.show(
        {"profile": name, "status": "deleted"}, lambda console: console.print(message, markup=False)
    )


@app.command("whoami", epilog=examples("resma whoami", "resma whoami --profile production"))
@with_groups
def show_caller(api_options: ApiOptions) -> None:
    """Show which API is called, and for whom, with which scopes."""
    config = api_options.api_config
    me: Json = api_options.api.get("/api/v1/me")

    def draw(console: Console) -> None:
        pairs = [("url", config.url), ("profile", config.profile), ("caller", me["subject"])]
        draw_pairs(console, [*pairs, ("tenant", me["tenantName"]), ("scopes", " ".join(me["scopes"]))])

    api_options.output.show({"url": config.url, "profile": config.profile, **me}, draw)


@profile_app.command("list", epilog=examples("resma profile list"))
@with_groups
def list_profiles(api_options: ApiOptions) -> None:
    """List profiles, without their keys."""
    profiles = [profile for _, profile in sorted(read_profiles().items())]
    items = [{"name": one.name, "url": one.url, "hasKey": one.key is not None} for one in profiles]

    def draw(console: Console) -> None:
        rows = [(one.name, one.url, "yes" if one.key else "no") for one in profiles]
        draw_table(console, ("PROFILE", TableColumn("URL", is_flexible=True), "KEY"), rows)

    api_options.output.show({"config": str(config_path()), "items": items}, draw)


def _prompt(question: str) -> str:
    if not sys.stdin.isatty():
        raise CommandFailedError(ExitCode.USAGE, "A URL is required: `resma login URL`.")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _prompt_key() -> str | None:
    """Reads the key from the terminal without showing it, or from standard input."""
    text = getpass.getpass("API key (not shown): ") if sys.stdin.isatty() else sys.stdin.read(1 << 16)
    return text.strip() or None
