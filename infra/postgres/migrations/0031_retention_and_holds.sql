-- Retention by report, legal holds, deletion of files, and a KMS key per tenant.

ALTER TABLE resma.tenants
    -- Maximum number of days for which the tenant's files may be kept; NULL: the maximum of the deployment.
    ADD COLUMN max_retention_days  integer CHECK (max_retention_days > 0),
    -- ARN of the KMS key that encrypts the tenant's files; NULL: the encryption of the bucket.
    ADD COLUMN kms_key             text CHECK (kms_key <> '');

ALTER TABLE resma.reports
    -- Days for which its files are kept after its end, and whether the request named them. NULL for reports from before
    -- this column, whose files are kept as long as the deployment says.
    ADD COLUMN retention_days      integer CHECK (retention_days > 0),
    ADD COLUMN retention_requested boolean NOT NULL DEFAULT false,
    -- The KMS key of the tenant when the report was generated.
    ADD COLUMN kms_key             text,
    -- Who deleted its files before the end of their retention, and where the request came from.
    ADD COLUMN files_deleted_at    timestamptz,
    ADD COLUMN files_deleted_by    text,
    ADD COLUMN files_deleted_from  text,
    -- Whether it has a legal hold, and whether any of its objects may have that of the object store (S3 Object Lock).
    ADD COLUMN held                boolean NOT NULL DEFAULT false,
    ADD COLUMN objects_held        boolean NOT NULL DEFAULT false,
    -- Whether the scheduler has to change the legal holds of objects, and the last object that it has changed.
    ADD COLUMN hold_due            boolean NOT NULL DEFAULT false,
    ADD COLUMN hold_cursor         text,
    -- No statement can end a held report: only READY reports have files to hold.
    ADD CONSTRAINT reports_held_are_ready CHECK (status = 'READY' OR NOT (held OR objects_held)),
    ADD CONSTRAINT reports_deleted_files_have_an_author CHECK ((files_deleted_at IS NULL) = (files_deleted_by IS NULL));

DROP INDEX resma.reports_expiring;
CREATE INDEX reports_expiring ON resma.reports (expires_at) WHERE status = 'READY' AND NOT (held OR objects_held);
CREATE INDEX reports_to_hold ON resma.reports (finished_at) WHERE hold_due;
-- The reports of a type that a deletion of a person's data searches.
CREATE INDEX reports_by_type ON resma.reports (tenant_id, type, created_at DESC);

-- The history of legal holds. A hold that has not been released refers to its report, which therefore cannot be deleted; the
-- record of a released one is kept after its report.
CREATE TABLE resma.holds (
    tenant_id       text NOT NULL REFERENCES resma.tenants,
    hold_id         uuid NOT NULL DEFAULT gen_random_uuid(),
    report_id       uuid NOT NULL,
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    -- Who placed and released it, and where the requests came from.
    placed_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    placed_by       text NOT NULL,
    placed_from     text,
    released_at     timestamptz,
    released_by     text,
    released_from   text,
    held_report_id  uuid GENERATED ALWAYS AS (CASE WHEN released_at IS NULL THEN report_id END) STORED,

    PRIMARY KEY (tenant_id, hold_id),
    UNIQUE (tenant_id, held_report_id),
    FOREIGN KEY (tenant_id, held_report_id) REFERENCES resma.reports (tenant_id, report_id),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
);
CREATE INDEX holds_by_report ON resma.holds (tenant_id, report_id, placed_at DESC);
CREATE INDEX holds_by_release ON resma.holds (released_at) WHERE released_at IS NOT NULL;

ALTER TABLE resma.holds ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON resma.holds TO resma_app
    USING (tenant_id = (SELECT current_setting('resma.tenant_id', true)));
CREATE POLICY all_tenants ON resma.holds TO resma_system USING (true);
GRANT SELECT, INSERT, UPDATE ON resma.holds TO resma_app;
GRANT SELECT, DELETE ON resma.holds TO resma_system;
