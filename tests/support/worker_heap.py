"""The settings of glibc's heap that the template gives the worker, for measurements of memory and speed."""

from __future__ import annotations

from infra.paths import TEMPLATE
from infra.template import read_template


def worker_heap() -> dict[str, str]:
    """Returns glibc's environment variables of the worker. They take effect when a process starts."""
    variables = read_template(TEMPLATE)["Resources"]["WorkerFunction"]["Properties"]["Environment"]["Variables"]
    return {name: value for name, value in variables.items() if name.startswith("MALLOC_")}
