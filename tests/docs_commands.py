"""Who runs each command of the documentation: a test, CI, or nobody, for a reason that is given.

`tests/unit/test_docs.py` looks every command up; those that are run `here` `tests/e2e/test_docs.py` runs as the pages
have them.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from tests.docs_pages import Command

HERE = "tests/e2e/test_docs.py"


class Runner(NamedTuple):
    """`by` is a test (`file::name`), a line of a file (`file: line`), or a reason why nobody does."""

    how: Literal["here", "test", "line", "nobody"]
    by: str


RUNNERS: dict[str, Runner] = {
    # ---------------------------------------------------------------- by tests/e2e/test_docs.py, as the pages have them
    r"export (DATABASE_URL|RESMA_SYSTEM_DATABASE)=\S+": Runner("here", HERE),
    r"(\.resma/venv/bin/)?python -m infra\.(access|catalogue|dead_letters|postgres\.migrate)\b(?!.*…).*": Runner(
        "here", HERE
    ),
    r"curl (-X POST )?(https://…|http://localhost:3008)/.*": Runner("here", HERE),
    r"(\.resma/venv/bin/)?resma generate .* --wait": Runner("here", HERE),
    r'psql "\$RESMA_SYSTEM_DATABASE" -c ".*"': Runner("here", HERE),
    r'psql "\$DATABASE_URL" -c "(UPDATE|DELETE) .*tenant_id = \'north-bank\' AND report_id.*"': Runner(
        "test", "tests/integration/test_operate_queries.py::test_a_report_is_deleted_once_its_files_are_gone"
    ),
    r'psql "\$DATABASE_URL" -c "(UPDATE|DELETE) .*;.*"': Runner(
        "test", "tests/integration/test_operate_queries.py::test_a_tenant_is_deleted_once_its_files_are_gone"
    ),
    r'python3 -c "import base64,secrets;.*': Runner("here", HERE),
    r"(REPORT=\S+ )?make logs|make (up|down)|PORT=3009 make up": Runner(
        "test", f"{HERE}::test_a_stack_is_up_until_it_is_down"
    ),
    # ---------------------------------------------------------------- by other tests
    r"aws (cloudwatch|events (list|enable)-rules?|lambda|logs|xray) .*": Runner(
        "test", "tests/unit/test_operate.py::test_a_command_is_one_that_aws_has"
    ),
    r"((FORMAT|ROWS)=\w+ )?make demo": Runner(
        "test", "tests/e2e/test_demo.py::test_the_demo_ends_with_a_verified_report"
    ),
    r"make chaos": Runner("test", "tests/e2e/test_chaos.py::test_a_storm_loses_nothing_and_doubles_nothing"),
    r"make load": Runner("test", "tests/e2e/test_load.py::test_none_of_many_requests_at_once_is_lost"),
    r"sam build": Runner("test", "tests/integration/test_sam_build.py::test_package_imports_on_its_own"),
    r"(sam build && )?sam deploy --guided( --config-env dev)?": Runner(
        "test", "tests/integration/test_aws_docs.py::test_the_page_explains_every_question_of_sam"
    ),
    r"python -m infra\.catalogue --folder …": Runner(
        "test", "tests/integration/test_catalogue_database.py::test_the_command_needs_no_server_and_fails_on_mistakes"
    ),
    r"export RESMA_(URL|KEY|WEBHOOK_SECRET)=\S+": Runner(
        "test", "tests/e2e/test_clients.py::test_the_guides_commands_work"
    ),
    r"\S+( run)? docs/clients/\w+/receive_webhooks\S* 8080": Runner(
        "test", "tests/e2e/test_clients.py::test_a_receiver_takes_a_webhook_once"
    ),
    r"pip install standardwebhooks": Runner(
        "test", "tests/integration/test_webhook_docs.py::test_the_snippet_verifies_what_is_sent"
    ),
    r"aws events put-events .*": Runner(
        "test", "tests/e2e/test_events.py::test_the_entry_of_the_docs_works_as_it_stands"
    ),
    r"aws sqs start-message-move-task --source-arn .*": Runner(
        "test", "tests/e2e/test_events.py::test_what_is_given_up_lies_among_the_failed_and_can_be_sent_again"
    ),
    r"\.resma/venv/bin/python -m infra\.examples sqs_subscriber TenantId=demo": Runner(
        "test", "tests/e2e/test_events.py::test_the_queue_sees_its_tenants_ready_reports_and_no_others"
    ),
    r"\.resma/venv/bin/python -m infra\.event_schemas": Runner(
        "test", "tests/integration/test_events_in.py::test_the_command_writes_the_schemas_of_the_code"
    ),
    r"resma (types|generate(?!.*--wait)|list|show|download)\b.*": Runner(
        "test", "tests/e2e/test_cli.py::test_types_list_show_and_download"
    ),
    r"resma (up|down|logs)": Runner("test", "tests/e2e/test_cli.py::test_up_logs_down_and_what_a_dead_stack_leaves"),
    r"resma demo": Runner("test", "tests/e2e/test_cli.py::test_demo"),
    r"resma estimate": Runner("test", "tests/e2e/test_cli.py::test_estimate"),
    r"resma (cancel|retry)": Runner("test", "tests/e2e/test_cli.py::test_cancel_and_retry"),
    r"resma schedule \w+": Runner("test", "tests/e2e/test_cli.py::test_schedules"),
    r"resma webhook listen( --register)?": Runner(
        "test", "tests/e2e/test_cli.py::test_listen_as_an_endpoint_verifies_a_real_webhook"
    ),
    r"resma webhook (?!listen)\w+": Runner("test", "tests/e2e/test_cli.py::test_endpoints_their_deliveries_and_replay"),
    r"resma dead-letters \w+": Runner("test", "tests/e2e/test_cli.py::test_dead_letters"),
    r"resma keys \w+": Runner("test", "tests/e2e/test_cli.py::test_keys"),
    r"resma doctor( --aws-stack)?": Runner("test", "tests/e2e/test_cli.py::test_doctor_finds_nothing_wrong"),
    r"(pipx|uv tool) install \S+": Runner(
        "test", "tests/integration/test_cli_package.py::test_the_client_alone_is_installed_and_runs"
    ),
    # ---------------------------------------------------------------- by CI
    r"make (check|test)": Runner("line", ".ci/run: {}"),
    r"pip install aws-sam-cli": Runner("line", "infra/requirements/sam.txt: aws-sam-cli"),
    r"make setup": Runner("line", "Makefile: lint: setup"),
    r"apt-get install (chromium|qpdf poppler-utils libreoffice-calc( chromium)?)": Runner(
        "line", ".ci/run: apt-get install"
    ),
    r"go install github.com/minio/minio@latest": Runner("line", ".ci/run: {}"),
    # ---------------------------------------------------------------- by nobody
    r"docker compose .*|cp \.env\.example \.env( && .*)?": Runner(
        "nobody", "needs a Docker engine; tests/e2e/test_deploy_compose.py runs what the service `deploy` runs"
    ),
    r"aws ssm .*|sam (deploy|delete) --config-env dev": Runner("nobody", "needs an AWS account"),
    r"sam deploy --template-file infra/examples/.*": Runner(
        "nobody", "needs an AWS account; tests/e2e/test_events.py deploys these templates through CloudFormation"
    ),
    r"make bench( QUICK=1| FULL=1)?": Runner("nobody", "takes minutes of an idle machine; its parts are unit tests"),
    r"make audit": Runner("nobody", "asks a service on the network"),
    r"make lock": Runner("nobody", "asks a package index for what is new"),
    r"make clean": Runner("nobody", "removes the folder that the tests run in"),
    r"resma (csv|summary|api import|api POST|demo PDF|growth)": Runner("nobody", "is a row of the benchmark's table"),
}
"""By a pattern of the whole command. `{}` in `by` is the command itself."""


def find_runners(command: Command) -> list[Runner]:
    """Every entry that fits a command; there should be one."""
    return [
        runner._replace(by=runner.by.replace("{}", command.text))
        for pattern, runner in RUNNERS.items()
        if re.fullmatch(pattern, command.text)
    ]
