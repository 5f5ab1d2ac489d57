"""`resma admin event-schemas`: writes docs/events/*.schema.json, the JSON Schemas of received and sent events."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode

from infra.paths import ROOT
from intake.models import ReportAccepted, ReportRejected, RequestedReport
from resma.jobs.completed_event import ReportCompleted

FOLDER = ROOT / "docs" / "events"

SCHEMAS: Mapping[str, type[BaseModel]] = {
    "Report Requested": RequestedReport,
    "Report Accepted": ReportAccepted,
    "Report Rejected": ReportRejected,
    "Report Completed": ReportCompleted,
}
"""The model of each detail-type."""

_SERIALIZED = {"Report Accepted", "Report Rejected"}
"""Events that always have every property."""


def schema_of(detail_type: str) -> dict[str, Any]:
    """Returns the JSON Schema of an event's detail."""
    mode: JsonSchemaMode = "serialization" if detail_type in _SERIALIZED else "validation"
    schema = SCHEMAS[detail_type].model_json_schema(mode=mode)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": detail_type}


def main(given: Sequence[str] | None = None) -> int:
    """Writes the schemas. Returns the exit code."""
    description = "Writes the JSON Schemas of the events."
    argparse.ArgumentParser(prog="resma admin event-schemas", description=description).parse_args(given)
    for detail_type in SCHEMAS:
        path = FOLDER / f"{detail_type.lower().replace(' ', '-')}.schema.json"
        path.write_text(json.dumps(schema_of(detail_type), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
