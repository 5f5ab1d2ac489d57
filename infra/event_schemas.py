"""`python -m infra.event_schemas` writes docs/events/*.schema.json, of what goes in and what is answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from infra.local.paths import ROOT
from intake.models import ReportAccepted, ReportRejected, RequestedReport

FOLDER = ROOT / "docs" / "events"

SCHEMAS: Mapping[str, type[BaseModel]] = {
    "Report Requested": RequestedReport,
    "Report Accepted": ReportAccepted,
    "Report Rejected": ReportRejected,
}
"""The models, by detail-type. That of `Report Completed` is written by hand: it is what every webhook has too."""


def schema_of(detail_type: str) -> dict[str, Any]:
    """The JSON Schema of an event's detail."""
    mode: Any = "validation" if detail_type == "Report Requested" else "serialization"
    schema = SCHEMAS[detail_type].model_json_schema(mode=mode)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": detail_type}


def main() -> None:
    """The command line; takes no arguments."""
    for detail_type in SCHEMAS:
        path = FOLDER / f"{detail_type.lower().replace(' ', '-')}.schema.json"
        path.write_text(json.dumps(schema_of(detail_type), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
