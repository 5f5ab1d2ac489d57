"""Lists, for each command in the documentation, the test or CI job that runs it, or the reason why none does.

`tests/unit/project/test_docs.py` checks that every command is listed. `tests/e2e/test_docs.py` runs the commands
marked `here`, as they are written in the pages.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from tests.support.docs_pages import Command

HERE = "tests/e2e/test_docs.py"


class Runner(NamedTuple):
    """What runs a command. `by` is a test (`file::name`), a line of a file (`file: line`), or why nothing runs it."""

    how: Literal["here", "test", "line", "nobody"]
    by: str


RUNNERS: dict[str, Runner] = {
    # ---------------------------------------------------------------- tests/e2e/test_docs.py, as written in the pages
    r"export (DATABASE_URL|RESMA_SYSTEM_DATABASE)=\S+": Runner("here", HERE),
    r"(\.resma/venv/bin/)?resma admin (access|dead-letters|migrate)\b(?!.*…).*": Runner("here", HERE),
    r"curl (-X POST |-L )?(https://…|http://localhost:3008)/.*": Runner("here", HERE),
    r"(\.resma/venv/bin/)?resma generate (?!ORDERS).* --wait": Runner("here", HERE),
    r"export SOURCE=\S+|SOURCE=\S+ make up|resma generate ORDERS --format PDF --wait": Runner(
        "test", "tests/e2e/test_own_database.py::test_reports_read_the_source_and_nothing_is_installed_in_it"
    ),
    r'psql "\$RESMA_SYSTEM_DATABASE" -c ".*"': Runner("here", HERE),
    r'psql "\$DATABASE_URL" -c "(UPDATE|DELETE) .*;.*"': Runner(
        "test",
        "tests/integration/operations/test_operate_queries.py::test_a_tenant_can_be_deleted_after_its_files_are_removed",
    ),
    r'python3 -c "import base64,secrets;.*': Runner("here", HERE),
    r"(REPORT=\S+ )?make logs|make (up|down)|PORT=3009 make up": Runner(
        "test", f"{HERE}::test_a_stack_is_up_until_it_is_down"
    ),
    # ---------------------------------------------------------------- other tests
    r"aws (cloudwatch|events (list|enable)-rules?|lambda|logs|xray) .*": Runner(
        "test", "tests/unit/project/test_operate.py::test_aws_commands_are_valid"
    ),
    r"((FORMAT|ROWS)=\w+ )?make demo": Runner(
        "test", "tests/e2e/test_demo.py::test_the_demo_ends_with_a_verified_report"
    ),
    r"make chaos": Runner("test", "tests/e2e/test_chaos.py::test_a_chaos_run_loses_nothing_and_duplicates_nothing"),
    r"make fuzz( SEED=\S+)?": Runner(
        "test", "tests/unit/project/test_random_search.py::test_each_round_of_fuzzing_prints_its_seed"
    ),
    r"mkdir -p reports && cp -r infra/demo/catalog/\. .*": Runner(
        "test",
        "tests/integration/catalog/test_access_log_report.py::test_the_documented_command_adds_the_types_to_the_demo",
    ),
    r"make language": Runner("test", "tests/unit/project/test_language.py::test_the_command_line"),
    r"make test-long": Runner("nobody", "runs tests with the mark `long`, as CI does weekly"),
    r"make coverage": Runner("nobody", "runs the same tests as `make test`, in more time"),
    r"make load": Runner("test", "tests/e2e/test_load.py::test_none_of_many_requests_at_once_is_lost"),
    r"STAGE=dev make check-build": Runner(
        "test",
        "tests/integration/operations/test_sam_build.py::test_a_build_for_another_target_is_detected_before_it_is_deployed",
    ),
    r"sam build": Runner("test", "tests/integration/operations/test_sam_build.py::test_package_imports_on_its_own"),
    r"(sam build && )?sam deploy --guided( --config-env dev)?": Runner(
        "test", "tests/integration/operations/test_aws_docs.py::test_the_page_explains_every_question_of_sam"
    ),
    r"resma (init|new|preview)\b.*": Runner(
        "test", "tests/integration/catalog/test_check_command.py::test_from_nothing_to_the_first_rows"
    ),
    r"(\.resma/venv/bin/)?resma check( .*)?": Runner(
        "test",
        "tests/integration/catalog/test_check_command.py::test_errors_have_a_file_and_a_line",
    ),
    r"export RESMA_(URL|KEY|WEBHOOK_SECRET)=\S+": Runner(
        "test", "tests/e2e/test_clients.py::test_the_guides_commands_work"
    ),
    r"\S+( run)? docs/clients/\w+/receive_webhooks\S* 8080": Runner(
        "test", "tests/e2e/test_clients.py::test_a_receiver_processes_a_webhook_once"
    ),
    r"pip install standardwebhooks": Runner(
        "test", "tests/integration/webhooks/test_docs_of_webhooks.py::test_the_snippet_verifies_what_is_sent"
    ),
    r"aws events put-events .*": Runner("test", "tests/e2e/test_events.py::test_the_entry_in_the_docs_works_unchanged"),
    r"aws sqs start-message-move-task --source-arn .*": Runner(
        "test", "tests/e2e/test_events.py::test_a_dead_lettered_request_can_be_redriven"
    ),
    r"\.resma/venv/bin/python -m infra\.examples sqs_subscriber TenantId=demo": Runner(
        "test", "tests/e2e/test_events.py::test_the_queue_sees_its_tenants_ready_reports_and_no_others"
    ),
    r"(\.resma/venv/bin/)?resma admin event-schemas": Runner(
        "test", "tests/integration/events/test_report_requested.py::test_the_command_writes_the_schemas_of_the_code"
    ),
    r"resma (type \w+|generate(?!.*--wait|.*--deliver-to)|list(?!.*--profile)|show|access|download)\b.*": Runner(
        "test", "tests/e2e/test_cli.py::test_types_list_show_and_download"
    ),
    r"resma (files (?!delete)\w+|verify)\b.*": Runner(
        "test", "tests/integration/cli/test_split_reports.py::test_all_files_are_saved_and_verified"
    ),
    r"resma (up( --json)?|down|logs)": Runner(
        "test", "tests/e2e/test_cli.py::test_up_logs_down_and_a_stack_that_has_crashed"
    ),
    r"resma demo": Runner("test", "tests/e2e/test_cli.py::test_demo"),
    r"resma estimate": Runner("test", "tests/e2e/test_cli.py::test_estimate"),
    r"resma (hold|release|erase|files delete)\b.*": Runner(
        "test", "tests/e2e/test_cli.py::test_hold_release_and_erase"
    ),
    r"resma delete( 840edab4)?": Runner("test", "tests/e2e/test_cli.py::test_delete"),
    r"resma (cancel|retry)": Runner("test", "tests/e2e/test_cli.py::test_cancel_and_retry"),
    r"resma schedule \w+": Runner("test", "tests/e2e/test_cli.py::test_schedules"),
    r"resma webhook listen( --register)?": Runner(
        "test", "tests/e2e/test_cli.py::test_listen_as_an_endpoint_verifies_a_real_webhook"
    ),
    r"resma webhook (?!listen)\w+": Runner("test", "tests/e2e/test_cli.py::test_endpoints_their_deliveries_and_replay"),
    r"resma up --smtp-url smtp://localhost:1025": Runner(
        "test", "tests/unit/destinations/test_email_settings.py::test_a_local_mail_server_has_no_login"
    ),
    r"resma destination (create Treasury .*|suppressed|unsuppress( \S+)?)": Runner(
        "test", "tests/e2e/test_email.py::test_a_report_is_sent_by_ses"
    ),
    r"resma destination (?!create Treasury|suppressed|unsuppress)\w+.*|resma generate .* --deliver-to \S+": Runner(
        "test", "tests/e2e/test_destinations.py::test_the_command_line_manages_destinations"
    ),
    r"resma certificate \w+.*": Runner(
        "test", "tests/integration/cli/test_certificates.py::test_a_certificate_is_added_with_armor_or_in_binary_form"
    ),
    r"gpg .*(signing-key\.asc|example-bank\.asc)": Runner(
        "test", "tests/integration/files/test_signatures.py::test_the_commands_of_the_receiver_work_as_they_are_written"
    ),
    r"gpg (?!.*(signing-key|example-bank)\.asc).*": Runner(
        "test", "tests/integration/files/test_openpgp.py::test_the_commands_of_the_receiver_work_as_they_are_written"
    ),
    r"resma dead-letter \w+": Runner("test", "tests/e2e/test_cli.py::test_dead_letters"),
    r"resma key \w+": Runner("test", "tests/e2e/test_cli.py::test_keys"),
    r"(\.resma/venv/bin/)?resma aws build": Runner(
        "test", "tests/integration/operations/test_sam_build.py::test_package_has_the_catalog"
    ),
    r"(\.resma/venv/bin/)?resma aws prepare\b.*": Runner(
        "test", "tests/e2e/test_aws_prepare.py::test_prepare_stores_secrets_that_log_in"
    ),
    r"resma doctor( --aws-stack)?": Runner("test", "tests/e2e/test_cli.py::test_doctor_finds_nothing_wrong"),
    r"pipx run openapi-python-client generate .*": Runner(
        "test", "tests/e2e/test_generated_clients.py::test_a_client_in_python_makes_a_report"
    ),
    r"make cli|(pipx|uv tool) install \S+\.whl": Runner(
        "test", "tests/integration/cli/test_package.py::test_the_wheel_of_make_cli_is_installed_and_runs"
    ),
    r'(pipx|uv tool) install ".*git\+https://.*"': Runner(
        "test", "tests/integration/cli/test_package.py::test_the_client_is_installed_from_a_git_repository"
    ),
    r"resma --install-completion": Runner(
        "test", "tests/unit/cli/test_commands.py::test_shells_complete_commands_and_values"
    ),
    r"resma (login|logout|whoami|profile list|list --profile)\b.*": Runner(
        "test", "tests/e2e/test_cli.py::test_login_saves_a_profile_that_other_commands_use"
    ),
    r"mkdir -p ~/\.local/bin": Runner("nobody", "creates the folder of the link that the next command creates"),
    r'(ln -s "\$PWD/\.resma/venv/bin/resma" ~/\.local/bin/resma|export PATH="\S+:\$PATH")': Runner(
        "test",
        "tests/unit/cli/test_commands.py::test_the_launcher_works_in_any_folder_and_imports_nothing_from_it",
    ),
    # ---------------------------------------------------------------- CI
    r"make test": Runner("line", ".ci/run: {}"),
    r"make check": Runner("line", ".github/workflows/check.yml: {}"),
    r"make second-emulator": Runner("line", ".github/workflows/second-emulator.yml: {}"),
    r"pip install aws-sam-cli uv": Runner("line", "infra/requirements/sam.txt: aws-sam-cli"),
    r"make release-files|cd \.resma/dist && sha256sum --check SHA256SUMS": Runner(
        "line", ".github/workflows/release.yml: make release-files"
    ),
    r"make catalog": Runner("line", "Makefile: lint types template imports catalog language dependencies"),
    r"make setup": Runner("line", "Makefile: lint: setup"),
    r"apt-get install (chromium|--no-install-recommends libreoffice-calc-nogui chromium libatomic1 curl)": Runner(
        "line", ".ci/run: apt-get install"
    ),
    r"go install github.com/minio/minio@latest": Runner("line", ".ci/run: {}"),
    # ---------------------------------------------------------------- nothing
    r"docker compose .*|cp \.env\.example \.env( && .*)?": Runner(
        "nobody", "needs a Docker engine; tests/e2e/test_deploy_compose.py runs the command of the service `deploy`"
    ),
    r"aws ssm .*|sam (deploy|delete) --config-env dev": Runner("nobody", "needs an AWS account"),
    r"sam deploy --template-file infra/examples/.*": Runner(
        "nobody", "needs an AWS account; tests/e2e/test_events.py deploys these templates through CloudFormation"
    ),
    r"make bench( QUICK=1| FULL=1)?": Runner("nobody", "takes minutes on an idle machine; its parts have unit tests"),
    r"make fairness": Runner("nobody", "takes minutes on an idle machine, and measures a waiting time"),
    r"make split-run( KEYS=10000 FORMAT=PDF)?": Runner(
        "nobody", "takes minutes; its programs are those of test_split_reports.py"
    ),
    r"make openpgp-run": Runner("nobody", "takes minutes; test_sealer.py runs its program with fewer bytes"),
    r"make sftp-run": Runner("nobody", "takes minutes; test_sftp_transport.py runs its program with fewer bytes"),
    r"make audit": Runner("line", ".github/workflows/audit.yml: {}"),
    r"(RESMA_E2E_NAME=mine )?\.resma/venv/bin/python -m pytest tests/\S+": Runner(
        "nobody", "runs one of the tests that `make test` runs"
    ),
    r"make pictures": Runner("nobody", "draws the pictures of the documentation again"),
    r"make locales": Runner("test", "tests/unit/catalog/test_locales.py::test_the_data_file_is_up_to_date"),
    r"make lock": Runner("nobody", "queries a package index for new versions"),
    r"make clean": Runner("nobody", "deletes the folder in which the tests run"),
    r"resma (csv|summary|pdf encrypted|api import|api POST|demo PDF|growth|split report|statements PDF)": Runner(
        "nobody", "is a row of the benchmark's table"
    ),
}
"""Runners by a regular expression for the whole command. `{}` in `by` is replaced by the command."""


def find_runners(command: Command) -> list[Runner]:
    """Returns every entry whose pattern matches a command. Each command should have exactly one."""
    return [
        runner._replace(by=runner.by.replace("{}", command.text))
        for pattern, runner in RUNNERS.items()
        if re.fullmatch(pattern, command.text)
    ]
