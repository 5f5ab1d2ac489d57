"""What the OpenAPI document says about the API as a whole."""

from __future__ import annotations

TITLE = "Resma API"
VERSION = "1.0.0"
"""Of the API, whose paths begin with `/api/v1`."""

DESCRIPTION = """\
Resma generates reports from SQL queries of any size as PDF, XLSX, CSV, NDJSON or Parquet files.

1. `POST /api/v1/reports/generate` answers 202 with the report's id and URL.
2. `GET` that URL until `status` is `READY`, or receive a webhook.
3. `GET …/download` redirects to the file.

**Authentication.** Send an API key, or a token of the identity provider of the deployment, as
`Authorization: Bearer …`. An API key can also be sent as `X-Api-Key`. Each operation names the scope that it needs.

**Report types.** Which report types there are, and which filters and columns they have, depends on the deployment:
`GET /api/v1/report-types` lists them. With a key, this document describes them too, as the schemas `…Filters` and
`…Columns`.

**Errors** are problem details (RFC 9457). `type` is stable and meant for programs; `errors` names each invalid part of
the request.

**Limits.** A request body has at most 256 KB. Answers 429 and 503 have `Retry-After`: wait that many seconds.
"""

TAGS = {
    "Reports": "Generate reports, follow their progress, and download their files.",
    "Report types": "Report types of the deployment, with their filters and columns.",
    "Schedules": "Recurring reports.",
    "Webhooks": "Endpoints that are notified when reports end, and the deliveries to them.",
    "Events": "Webhooks that your endpoints receive.",
    "Dead letters": "Reports that failed after their last attempt.",
    "API keys": "Keys that programs use to authenticate.",
    "Caller": "Who the API takes the caller for.",
    "Health": "For load balancers and monitoring.",
}
"""In the order in which they are shown."""
