-- Conditions of reports: a report whose data do not meet them ends as SKIPPED. Runs of schedules that a caller starts.

ALTER TABLE resma.reports
    DROP CONSTRAINT reports_status_check,
    ADD CONSTRAINT reports_status_check
        CHECK (status IN ('PENDING', 'GENERATING', 'READY', 'FAILED', 'CANCELLED', 'EXPIRED', 'SKIPPED')),
    -- `onlyIf` of the request; NULL if it has no conditions.
    ADD COLUMN only_if               jsonb,
    -- The hash of the request without its conditions, if it has some; otherwise it is `request_sha256`.
    ADD COLUMN unconditional_sha256  text,
    -- The schedule whose run the report is. The schedule may be deleted.
    ADD COLUMN schedule_id           text,
    -- A hash of the summary, recorded when the rows are counted.
    ADD COLUMN summary_sha256        text,
    -- The condition that the data of a SKIPPED report do not meet.
    ADD COLUMN skipped_code          text,
    ADD COLUMN skipped_detail        text,
    ADD CONSTRAINT reports_skipped_have_a_reason CHECK (
        (status = 'SKIPPED') = (skipped_code IS NOT NULL) AND (status = 'SKIPPED') = (skipped_detail IS NOT NULL));

DROP INDEX resma.reports_unswept;
CREATE INDEX reports_unswept ON resma.reports (finished_at)
    WHERE swept_at IS NULL AND status IN ('READY', 'FAILED', 'CANCELLED', 'EXPIRED', 'SKIPPED');

-- The last report that a report is compared with, for the condition that its data have changed.
CREATE INDEX reports_by_schedule ON resma.reports (tenant_id, schedule_id, created_at DESC)
    WHERE schedule_id IS NOT NULL AND status IN ('READY', 'EXPIRED', 'SKIPPED');
CREATE INDEX reports_by_request ON resma.reports
    (tenant_id, coalesce(unconditional_sha256, request_sha256), created_at DESC)
    WHERE status IN ('READY', 'EXPIRED', 'SKIPPED');

ALTER TABLE resma.deleted_reports
    DROP CONSTRAINT deleted_reports_status_check,
    ADD CONSTRAINT deleted_reports_status_check
        CHECK (status IN ('READY', 'FAILED', 'CANCELLED', 'EXPIRED', 'SKIPPED'));

ALTER TABLE resma.schedule_runs
    -- Why the run was started: its time was due, or a caller (`started_by`) ran the schedule now or for past times.
    ADD COLUMN trigger     text NOT NULL DEFAULT 'schedule' CHECK (trigger IN ('schedule', 'manual', 'backfill')),
    ADD COLUMN started_by  text,
    ADD CHECK ((trigger = 'schedule') = (started_by IS NULL)),
    -- A run is also SKIPPED if its report is.
    DROP CONSTRAINT schedule_runs_check,
    ADD CONSTRAINT schedule_runs_have_reports CHECK (CASE outcome
        WHEN 'STARTED' THEN report_id IS NOT NULL WHEN 'REFUSED' THEN report_id IS NULL ELSE true END);
CREATE INDEX schedule_runs_by_report ON resma.schedule_runs (tenant_id, report_id) WHERE report_id IS NOT NULL;

GRANT INSERT, UPDATE ON resma.schedule_runs TO resma_app;
GRANT UPDATE ON resma.schedule_runs TO resma_system;
