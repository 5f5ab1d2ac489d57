-- Schedules: requests that are made again and again, and what became of each time.

CREATE TABLE resma.schedules (
    tenant_id      text NOT NULL REFERENCES resma.tenants,
    schedule_id    text NOT NULL CHECK (schedule_id ~ '^sch_[0-9a-f]{32}$'),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- What is asked for, as it was written: names left out are filled in when it is asked for.
    request        jsonb NOT NULL,

    -- When: a word (`at` is its time) or a cron expression, in an IANA time zone.
    recurrence     text NOT NULL,
    at             text CHECK (at ~ '^[0-9]{2}:[0-9]{2}$'),
    time_zone      text NOT NULL,
    calendar       text,
    period         text,
    missed         text NOT NULL CHECK (missed IN ('skip', 'run-once', 'run-all')),
    ends_at        timestamptz,

    status         text NOT NULL CHECK (status IN ('ACTIVE', 'PAUSED', 'ENDED', 'BLOCKED')),
    status_detail  text,
    -- The next time there is to run, and when the tick shall look at it: later than that while a quota is in the way.
    next_run_at    timestamptz,
    due_at         timestamptz,
    -- Since when a quota has been in the way of the run at `next_run_at`.
    held_since     timestamptz,

    -- Who wrote it last. Its runs have this one's rights: a key's, as they are at that time; a token's, as they were
    -- when it was written, for nobody can be asked later.
    owner          text NOT NULL,
    owner_scopes   text[] NOT NULL,
    written_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),

    PRIMARY KEY (tenant_id, schedule_id),
    CHECK ((status = 'ACTIVE') = (next_run_at IS NOT NULL)),
    CHECK ((status = 'ACTIVE') = (due_at IS NOT NULL)),
    CHECK (held_since IS NULL OR status = 'ACTIVE')
);

CREATE INDEX schedules_due ON resma.schedules (due_at) WHERE status = 'ACTIVE';
CREATE INDEX schedules_newest_first ON resma.schedules (tenant_id, created_at DESC, schedule_id DESC);

-- A row is written in the transaction that writes its report: a time is run once, whoever tries at once.
CREATE TABLE resma.schedule_runs (
    tenant_id      text NOT NULL REFERENCES resma.tenants,
    schedule_id    text NOT NULL,
    scheduled_for  timestamptz NOT NULL,
    -- When the tick came to it.
    started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome        text NOT NULL CHECK (outcome IN ('STARTED', 'SKIPPED', 'REFUSED')),
    report_id      uuid,
    detail         text,
    PRIMARY KEY (tenant_id, schedule_id, scheduled_for),
    FOREIGN KEY (tenant_id, schedule_id) REFERENCES resma.schedules ON DELETE CASCADE,
    CHECK ((outcome = 'STARTED') = (report_id IS NOT NULL))
);

CREATE INDEX schedule_runs_by_age ON resma.schedule_runs (started_at);

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['resma.schedules', 'resma.schedule_runs']
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY own_tenant ON %s TO resma_app'
                       ' USING (tenant_id = (SELECT current_setting(''resma.tenant_id'', true)))', protected);
        EXECUTE format('CREATE POLICY all_tenants ON %s TO resma_system USING (true)', protected);
    END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON resma.schedules TO resma_app;
GRANT SELECT ON resma.schedule_runs TO resma_app;
GRANT SELECT, UPDATE ON resma.schedules TO resma_system;
GRANT SELECT, INSERT, DELETE ON resma.schedule_runs TO resma_system;

-- What a schedule's owner may do at that time, and what its tenant still has room for.
GRANT SELECT (tenant_id, key_id, scopes, expires_at, revoked_at, replaced_by) ON resma.api_keys TO resma_system;
GRANT SELECT ON resma.row_counts TO resma_system;
