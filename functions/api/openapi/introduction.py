"""Title, description and tags of the OpenAPI document."""

from __future__ import annotations

TITLE = "Resma API"
VERSION = "1.0.0"
"""Version of the API, whose paths begin with `/api/v1`."""

DESCRIPTION = """\
Resma generates reports of any size from SQL queries, as PDF, XLSX, CSV, NDJSON or Parquet files.

1. `POST /api/v1/reports/generate` returns 202 with the id and URL of the report.
2. `GET` that URL until the report has ended (`READY`, `FAILED`, `CANCELLED` or `SKIPPED`), or receive a webhook.
3. `GET …/download` redirects to the file.

**Authentication.** Send an API key, or a token of the identity provider of the deployment, as
`Authorization: Bearer …`. An API key can also be sent as `X-Api-Key`. Each operation names the scope that it requires.

**Report types.** The report types, with their filters and columns, depend on the deployment.
`GET /api/v1/report-types` lists them. If you request this document with a key, it also describes them, in the schemas
`…Filters` and `…Columns`.

**Errors** are problem details (RFC 9457). `type` is stable, so that programs can use it. `errors` names each invalid
part of the request.

**Limits.** A request body has at most 256 KB. The responses 429 and 503 have the header `Retry-After` with the seconds
to wait before you try again.
"""

TAGS = {
    "Reports": "Generate reports, follow their progress, and download their files.",
    "Legal holds": "Keep the files of reports until a hold is released, whatever their retention is.",
    "Report types": "See the report types of the deployment, with their filters and columns.",
    "Schedules": "Generate reports automatically at set times.",
    "Webhooks": "Manage the endpoints that are notified when reports end, and see the deliveries to them.",
    "Certificates": "Manage the OpenPGP certificates that files are encrypted for.",
    "Destinations": "Manage where files of reports are delivered, and see the deliveries.",
    "Events": "Receive these webhooks at your endpoints.",
    "Dead letters": "See and requeue reports that failed after their last attempt.",
    "API keys": "Manage the keys that programs authenticate with.",
    "Caller": "See the tenant and scopes of the caller.",
    "Health": "Check the API from load balancers and monitoring.",
}
"""Tags with their descriptions, in the order in which they are shown."""
