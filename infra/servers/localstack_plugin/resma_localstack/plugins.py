"""Entry points of LocalStack: the executor of functions, and the patches."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from localstack.runtime import hooks
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin

LOG = logging.getLogger(__name__)


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    """The plug-in that LAMBDA_RUNTIME_EXECUTOR=resma selects."""

    name = "resma"

    def load(self, *_args: Any, **_kwargs: Any) -> Any:
        """Returns the executor's class."""
        from resma_localstack.executor import ProcessRuntimeExecutor

        return ProcessRuntimeExecutor


_PATCHES = (
    "environment_limit",
    "fair_queue",
    "front_door",
    "less_work",
    "listen_address",
    "log_group",
    "object_folder",
    "quick_deploy",
    "source_address",
    "sqs_concurrency",
)


@hooks.on_infra_start()
def apply_patches() -> None:
    """Applies the patches that make LocalStack behave like AWS where Resma depends on it."""
    for name in _PATCHES:
        import_module(f"resma_localstack.{name}").apply()
