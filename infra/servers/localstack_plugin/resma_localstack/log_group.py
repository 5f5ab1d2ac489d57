"""Sends a function's logs to the group of its LoggingConfig. LocalStack supports only the default group."""

from __future__ import annotations

from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment


def apply() -> None:
    """Patches the execution environment."""
    default = ExecutionEnvironment.get_log_group_name

    def get_log_group_name(self: ExecutionEnvironment) -> str:
        logging_config = self.function_version.config.logging_config or {}
        return str(logging_config.get("LogGroup") or default(self))

    ExecutionEnvironment.get_log_group_name = get_log_group_name
