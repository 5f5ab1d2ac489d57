"""`resma aws prepare`: prepares everything that `sam deploy` needs, and can be repeated."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import psycopg

from infra.errors import StackError
from infra.postgres.connect import connect, describe
from infra.prepare.apply import change_database, store_secrets, summarize, write_parameters
from infra.prepare.dry_run import describe_plan
from infra.prepare.options import PrepareOptions, parse_options
from infra.prepare.plan import make_plan, secret_name
from infra.prepare.secret_store import EmptyStore, ReadableStore, SecretStore, SecretStoreError
from resma.errors import ResmaError


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command. Returns the exit code: 0 for success, 1 after an error message."""
    options = parse_options(given)
    try:
        if options.is_dry_run:
            _print_plan(options)
        else:
            _prepare(options)
    except psycopg.Error as error:
        print(f"Failed: {describe(error)}. The database was not changed.", file=sys.stderr)
        return 1
    except (StackError, ResmaError, OSError) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    return 0


def _print_plan(options: PrepareOptions) -> None:
    store = _readable_store(options)
    with connect(options.database) as connection:
        plan = make_plan(options, connection, store)
        print("\n".join(describe_plan(options, plan, connection, store.region)))
        connection.rollback()


def _readable_store(options: PrepareOptions) -> ReadableStore:
    """Returns Secrets Manager, or an empty store if it can't be read, which the script then says."""
    try:
        store = SecretStore(options.region)
        store.find(secret_name(options.stage, "app"))
    except SecretStoreError as error:
        print(f"-- {error} The script assumes that no secret exists.")
        return EmptyStore(options.region or "<region>")
    return store


def _prepare(options: PrepareOptions) -> None:
    store = SecretStore(options.region)
    with connect(options.database) as connection:
        plan = make_plan(options, connection, store)
        passwords, key = change_database(plan, connection)
        parameters = store_secrets(plan, store, passwords)
    print("\n".join(summarize(plan)))
    if key:
        print(f"Key of tenant {plan.tenant}, which is shown only once:\n\n{key}\n")
    is_changed = write_parameters(options.config_file, options.stage, store.region, parameters)
    where = f"[{options.stage}.deploy.parameters] in {options.config_file}"
    print(f"Wrote the ARNs of the secrets to {where}." if is_changed else f"The parameters of {where} are unchanged.")
    for warning in plan.warnings:
        print(f"Warning: {warning}")
    print(f"Next: resma aws build && sam deploy --config-env {options.stage}")


if __name__ == "__main__":
    sys.exit(main())
