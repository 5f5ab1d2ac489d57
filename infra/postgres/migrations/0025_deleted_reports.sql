-- Reports that a caller has deleted. Their rows are gone, with everything that refers to them; this is the record of who
-- deleted which report, and what the scheduler needs to remove its files.

CREATE TABLE resma.deleted_reports (
    tenant_id         text NOT NULL REFERENCES resma.tenants,
    report_id         uuid NOT NULL,
    type              text NOT NULL,
    status            text NOT NULL CHECK (status IN ('READY', 'FAILED', 'CANCELLED', 'EXPIRED')),
    created_at        timestamptz NOT NULL,
    deleted_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Who deleted it, and where the request came from.
    deleted_by        text NOT NULL,
    deleted_from      text,

    -- What the names of its objects and uploads are made of.
    attempts          integer NOT NULL,
    extensions        text[] NOT NULL,
    -- Until then a worker that was held up may still write to the store.
    settled_at        timestamptz NOT NULL,
    -- When the scheduler next looks for its files; NULL once there are none for good.
    next_removal_at   timestamptz DEFAULT clock_timestamp(),
    files_removed_at  timestamptz,

    PRIMARY KEY (tenant_id, report_id),
    CHECK ((next_removal_at IS NULL) = (files_removed_at IS NOT NULL))
);
CREATE INDEX deleted_reports_with_files ON resma.deleted_reports (next_removal_at) WHERE next_removal_at IS NOT NULL;
CREATE INDEX deleted_reports_by_age ON resma.deleted_reports (deleted_at);

-- A deleted report's Idempotency-Keys are found by it.
CREATE INDEX idempotency_keys_by_report ON resma.idempotency_keys (tenant_id, report_id);

ALTER TABLE resma.deleted_reports ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON resma.deleted_reports TO resma_app
    USING (tenant_id = (SELECT current_setting('resma.tenant_id', true)));
CREATE POLICY all_tenants ON resma.deleted_reports TO resma_system USING (true);
GRANT SELECT, INSERT ON resma.deleted_reports TO resma_app;
GRANT DELETE ON resma.reports TO resma_app;
GRANT SELECT, UPDATE, DELETE ON resma.deleted_reports TO resma_system;
