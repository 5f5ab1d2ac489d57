"""Options of `resma aws prepare`."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.paths import ROOT

DEFAULT_TENANT = "main"
SAMCONFIG = ROOT / "samconfig.toml"

_STAGE = re.compile(r"[a-z][a-z0-9]{1,15}")


@dataclass(frozen=True)
class PrepareOptions:
    """What is prepared, and for which stage."""

    database: str
    """URL of the database of the system's tables, with the role that owns it."""
    stage: str
    source: str | None = None
    """URL of the source database, with a role that can read the tables of the reports."""
    database_host: str | None = None
    """`host` or `host:port` of the database for the functions, if it differs from that of the URL."""
    source_host: str | None = None
    """`host` or `host:port` of the source database for the functions, if it differs from that of the URL."""
    tenant: str | None = None
    tenant_name: str | None = None
    passwords_of: str | None = None
    """Stage whose passwords are used, because its database is in the same cluster."""
    is_new_passwords: bool = False
    """Whether logins that exist get new passwords, although the stage has no secret with the present ones."""
    catalog: Path | None = None
    region: str | None = None
    """AWS region; None for that of the AWS configuration."""
    config_file: Path = SAMCONFIG
    is_dry_run: bool = False


def parse_options(given: Sequence[str] | None) -> PrepareOptions:
    """Returns the options of a command line. Exits with 2 and a message if they are not valid."""
    parser = argparse.ArgumentParser(
        prog="resma aws prepare",
        description="Prepares the database, the secrets and samconfig.toml for `sam deploy`. Safe to repeat.",
    )
    add = parser.add_argument
    add(
        "--database",
        metavar="URL",
        default=os.environ.get("DATABASE_URL"),
        help="database of Resma's tables, as its owner (default: DATABASE_URL)",
    )
    add(
        "--source",
        metavar="URL",
        default=os.environ.get("SOURCE"),
        help="database that reports read, as any role that can read it; nothing is installed there "
        "(default: SOURCE, else the database of --database)",
    )
    add("--stage", required=True, help="stage of samconfig.toml")
    add(
        "--database-host",
        metavar="HOST[:PORT]",
        help="host of the database for the functions, if this machine uses a tunnel",
    )
    add("--source-host", metavar="HOST[:PORT]", help="the same for the source database")
    add("--tenant", metavar="ID", help=f"first tenant (default: {DEFAULT_TENANT}, if there is no tenant)")
    add(
        "--tenant-name",
        metavar="NAME",
        help="name of the tenant, which its files show (default: name of [brand] in resma.toml)",
    )
    add("--passwords-of", metavar="STAGE", help="use the passwords of a stage whose database is on the same server")
    add("--new-passwords", action="store_true", help="set new passwords of logins that exist and have no secret")
    add(
        "--catalog",
        type=Path,
        metavar="DIR",
        help="folder of the report types (default: RESMA_CATALOG, else ./reports)",
    )
    add("--region", help="AWS region (default: that of the AWS configuration)")
    add(
        "--config-file",
        type=Path,
        metavar="PATH",
        default=SAMCONFIG,
        help="configuration file of SAM (default: %(default)s)",
    )
    add("--dry-run", action="store_true", help="print the SQL and the AWS calls, and change nothing")
    chosen = vars(parser.parse_args(given))
    problems = []
    if not chosen["database"]:
        problems.append("No database is named. Use --database postgresql://…, or set DATABASE_URL.")
    for name in ("stage", "passwords_of"):
        if chosen[name] is not None and (_STAGE.fullmatch(chosen[name]) is None or chosen[name] == "local"):
            problems.append(
                f"'{chosen[name]}' is not a valid stage. Use 2 to 16 lower-case letters and digits; `local` is the "
                "stage of your own machine, for which `resma up` prepares everything."
            )
    if problems:
        parser.error(" ".join(problems))
    return PrepareOptions(is_dry_run=chosen.pop("dry_run"), is_new_passwords=chosen.pop("new_passwords"), **chosen)
