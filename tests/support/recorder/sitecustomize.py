"""Records each AWS operation that a function calls, as a line `function service operation`.

Python imports this module when a function's process starts. Calls are recorded before botocore sends them, so failed
calls are recorded too. Presigning a URL is recorded as the operation that the URL permits.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


def record(service: str, operation: str) -> None:
    """Appends a line. Writes of short lines are atomic, so that several processes can append to the file."""
    line = f"{os.environ.get('AWS_LAMBDA_FUNCTION_NAME')} {service} {operation}\n"
    with Path(os.environ["RESMA_CALLS_FILE"]).open("a", encoding="utf-8") as file:
        file.write(line)


def _hook_client(module: Any) -> None:
    call = module.BaseClient._make_api_call

    def _make_api_call(self: Any, operation_name: str, api_params: Any) -> Any:
        record(self.meta.service_model.service_name, operation_name)
        return call(self, operation_name, api_params)

    module.BaseClient._make_api_call = _make_api_call


def _hook_signers(module: Any) -> None:
    sign = module.RequestSigner.generate_presigned_url

    def generate_presigned_url(self: Any, request_dict: Any, operation_name: str, *args: Any, **kwargs: Any) -> Any:
        record(str(self._service_id).lower(), operation_name)
        return sign(self, request_dict, operation_name, *args, **kwargs)

    module.RequestSigner.generate_presigned_url = generate_presigned_url


_HOOKS: dict[str, Callable[[Any], None]] = {"botocore.client": _hook_client, "botocore.signers": _hook_signers}


class _Hook(importlib.abc.MetaPathFinder):
    """Patches botocore when a function imports it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _HOOKS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _HOOKS[fullname](module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if "RESMA_CALLS_FILE" in os.environ and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    sys.meta_path.insert(0, _Hook())
