"""Shortens the pause with which CloudFormation polls a resource. LocalStack's own pause is one second."""

from __future__ import annotations

import functools

from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor

POLL_SECONDS = 0.05


def apply() -> None:
    """Patches the loop that waits for a resource."""
    ResourceProviderExecutor.deploy_loop = functools.partialmethod(
        ResourceProviderExecutor.deploy_loop, sleep_time=POLL_SECONDS
    )
