-- What is told of a report has a bounded size: the largest totals in its row, the others beside them.

ALTER TABLE resma.reports
    -- How many currencies are not among `totals`; `further_totals` are those that come next, of up to 10,000 in all.
    ADD COLUMN totals_omitted  integer NOT NULL DEFAULT 0,
    ADD COLUMN further_totals  jsonb,
    -- The day (UTC) in resma.row_counts that has the report's rows.
    ADD COLUMN rows_counted_on date;

UPDATE resma.reports
SET totals = jsonb_path_query_array(totals, '$[0 to 49]'),
    further_totals = CASE WHEN status <> 'EXPIRED' THEN jsonb_path_query_array(totals, '$[50 to last]') END,
    totals_omitted = jsonb_array_length(totals) - 50
WHERE jsonb_typeof(totals) = 'array' AND jsonb_array_length(totals) > 50;

-- Rows of reports that end without a file are given back by whoever ends them, dead letters among them.
GRANT UPDATE ON resma.row_counts TO resma_system;

-- An event that a destination has refused: when it is sent again, or that it is not.
CREATE TABLE resma.event_failures (
    tenant_id        text NOT NULL REFERENCES resma.tenants,
    event_id         text NOT NULL,
    destination      text NOT NULL CHECK (destination IN ('topic', 'bus')),
    attempts         integer NOT NULL DEFAULT 1,
    error_code       text NOT NULL,
    failed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_attempt_at  timestamptz,
    abandoned_at     timestamptz,
    PRIMARY KEY (tenant_id, event_id, destination),
    FOREIGN KEY (tenant_id, event_id) REFERENCES resma.events ON DELETE CASCADE,
    CHECK ((next_attempt_at IS NULL) = (abandoned_at IS NOT NULL))
);
CREATE INDEX event_failures_abandoned ON resma.event_failures (abandoned_at) WHERE abandoned_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON resma.event_failures TO resma_system;
ALTER TABLE resma.event_failures ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_tenants ON resma.event_failures TO resma_system USING (true);
