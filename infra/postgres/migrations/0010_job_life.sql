-- A job's life around its runs: it waits for its turn, is joined or cancelled, is given up and redriven, expires, and
-- what it left behind is swept.

ALTER TABLE resma.reports
    -- When the job got one of its tenant's places in the queue; NULL while it waits for its turn.
    ADD COLUMN slot_at          timestamptz,
    ADD COLUMN cancelled_by     text,
    -- Of a FAILED report that may be redriven: when the last attempt it was allowed had failed.
    ADD COLUMN dead_lettered_at timestamptz,
    ADD COLUMN redrives         integer NOT NULL DEFAULT 0,
    ADD COLUMN redriven_at      timestamptz,
    -- Of a READY report: when its files' time is over.
    ADD COLUMN expires_at       timestamptz,
    -- Of a report that has ended: when the tick looked for what does not belong to it, for good, and before when it
    -- need not look again.
    ADD COLUMN swept_at         timestamptz,
    ADD COLUMN sweep_after      timestamptz;

UPDATE resma.reports SET slot_at = coalesce(enqueued_at, started_at)
WHERE status IN ('PENDING', 'GENERATING');
UPDATE resma.reports SET expires_at = finished_at + interval '30 days' WHERE status = 'READY';
UPDATE resma.reports SET dead_lettered_at = finished_at
WHERE status = 'FAILED' AND error_code IN (
    'transient', 'database-unavailable', 'database-busy', 'object-store-unavailable', 'internal', 'worker-died');

-- Each as small as what it is about.
CREATE INDEX reports_in_the_queue ON resma.reports (tenant_id)
    WHERE status IN ('PENDING', 'GENERATING') AND slot_at IS NOT NULL;
CREATE INDEX reports_waiting ON resma.reports (tenant_id, created_at, report_id)
    WHERE status = 'PENDING' AND slot_at IS NULL;
CREATE INDEX reports_live_by_request ON resma.reports (tenant_id, request_sha256)
    WHERE status IN ('PENDING', 'GENERATING');
CREATE INDEX reports_dead ON resma.reports (tenant_id, created_at DESC, report_id DESC)
    WHERE dead_lettered_at IS NOT NULL;
CREATE INDEX reports_expiring ON resma.reports (expires_at) WHERE status = 'READY';
CREATE INDEX reports_unswept ON resma.reports (finished_at)
    WHERE swept_at IS NULL AND status IN ('READY', 'FAILED', 'CANCELLED', 'EXPIRED');

-- An Idempotency-Key answers with its report, be it one that the request made or one that it joined. The key is written
-- first, so that of two requests with one key one waits here; by the end of the transaction its report must be there.
CREATE TABLE resma.idempotency_keys (
    tenant_id        text NOT NULL REFERENCES resma.tenants,
    idempotency_key  text NOT NULL,
    report_id        uuid NOT NULL,
    request_sha256   text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, idempotency_key),
    FOREIGN KEY (tenant_id, report_id) REFERENCES resma.reports ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX idempotency_keys_oldest_first ON resma.idempotency_keys (created_at);
INSERT INTO resma.idempotency_keys (tenant_id, idempotency_key, report_id, request_sha256, created_at)
SELECT tenant_id, idempotency_key, report_id, request_sha256, created_at
FROM resma.reports WHERE idempotency_key IS NOT NULL;
-- What was copied is checked now: a table with checks to come can't be altered.
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE resma.reports DROP COLUMN idempotency_key;

-- Who sent a dead letter on its way again, and what it had died of.
CREATE TABLE resma.redrives (
    tenant_id     text NOT NULL REFERENCES resma.tenants,
    report_id     uuid NOT NULL,
    redrive       integer NOT NULL,
    redriven_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    redriven_by   text NOT NULL,
    reason        text,
    attempt       integer NOT NULL,
    error_code    text,
    error_detail  text,
    PRIMARY KEY (tenant_id, report_id, redrive),
    FOREIGN KEY (tenant_id, report_id) REFERENCES resma.reports ON DELETE CASCADE
);

-- One completion a report, and one more for each time that it was redriven. What it died of stays with the event: the
-- report may be READY by the time somebody is told.
ALTER TABLE resma.events
    ADD COLUMN redrive      integer NOT NULL DEFAULT 0,
    ADD COLUMN error_code   text,
    ADD COLUMN error_detail text;
UPDATE resma.events AS e SET error_code = r.error_code, error_detail = r.error_detail
FROM resma.reports AS r
WHERE e.type = 'report.failed' AND (r.tenant_id, r.report_id) = (e.tenant_id, e.report_id);
DROP INDEX resma.events_one_a_report;
CREATE UNIQUE INDEX events_one_an_end ON resma.events (tenant_id, report_id, redrive);

GRANT SELECT, INSERT, UPDATE ON resma.idempotency_keys TO resma_app;
GRANT SELECT, DELETE ON resma.idempotency_keys TO resma_system;
GRANT SELECT, INSERT ON resma.redrives TO resma_app, resma_system;

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['resma.idempotency_keys', 'resma.redrives']
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY own_tenant ON %s TO resma_app'
                       ' USING (tenant_id = (SELECT current_setting(''resma.tenant_id'', true)))', protected);
        EXECUTE format('CREATE POLICY all_tenants ON %s TO resma_system USING (true)', protected);
    END LOOP;
END
$$;
