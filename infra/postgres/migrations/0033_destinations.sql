-- Destinations: where a tenant's files are delivered, the deliveries with their attempts, and the names of delivered files.

CREATE TABLE resma.destinations (
    tenant_id         text NOT NULL REFERENCES resma.tenants,
    destination_id    text NOT NULL CHECK (destination_id ~ '^dst_[0-9a-f]{32}$'),
    name              text NOT NULL,
    -- The kind decides what `settings` has. They contain no secrets, only names of secrets.
    kind              text NOT NULL,
    settings          jsonb NOT NULL,
    -- Whether files with personal data may go there: its settings were written by a caller who may see them.
    accepts_personal  boolean NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by        text NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_by        text NOT NULL,
    -- NULL while it is enabled.
    disabled_at       timestamptz,
    PRIMARY KEY (tenant_id, destination_id)
);

-- NULL: the files are not delivered.
ALTER TABLE resma.reports ADD COLUMN deliver_to text[] CHECK (cardinality(deliver_to) BETWEEN 1 AND 10);

CREATE TABLE resma.file_deliveries (
    tenant_id        text NOT NULL REFERENCES resma.tenants,
    delivery_id      text NOT NULL CHECK (delivery_id ~ '^dlv_[0-9a-f]{32}$'),
    -- The destination may have been deleted since.
    destination_id   text NOT NULL,
    -- NULL for a test file.
    report_id        uuid,
    status           text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'DELIVERED', 'FAILED')),
    -- Why it FAILED: the code of an error that another attempt would meet again, or why no more attempts are made.
    ended_reason     text,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When the next attempt is due. A claim moves it ahead, so that a crash is followed by a pause too.
    next_attempt_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at     timestamptz,
    -- The fence: it increases with each claim, and every write of an attempt names it.
    attempts         integer NOT NULL DEFAULT 0,
    -- Attempts that do not count: those before the last replay, and those that another one continues.
    attempts_before  integer NOT NULL DEFAULT 0,
    lease_until      timestamptz,
    PRIMARY KEY (tenant_id, delivery_id),
    FOREIGN KEY (tenant_id, report_id) REFERENCES resma.reports ON DELETE CASCADE,
    CHECK ((status = 'FAILED') = (ended_reason IS NOT NULL)),
    CHECK ((status = 'DELIVERED') = (delivered_at IS NOT NULL))
);
-- A report is delivered to a destination once; a replay repeats the same delivery.
CREATE UNIQUE INDEX file_deliveries_of_report ON resma.file_deliveries (tenant_id, report_id, destination_id);
CREATE INDEX file_deliveries_pending ON resma.file_deliveries (tenant_id, destination_id, next_attempt_at)
    WHERE status = 'PENDING';
CREATE INDEX file_deliveries_newest_first
    ON resma.file_deliveries (tenant_id, destination_id, created_at DESC, delivery_id DESC);
CREATE INDEX file_deliveries_of_tests ON resma.file_deliveries (created_at) WHERE report_id IS NULL;

CREATE TABLE resma.file_delivery_attempts (
    tenant_id     text NOT NULL,
    delivery_id   text NOT NULL,
    attempt       integer NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- NULL while it is in progress, and if its function crashed.
    milliseconds  integer,
    outcome       text CHECK (outcome IN ('DELIVERED', 'CONTINUED', 'FAILED')),
    error_code    text,
    error_detail  text,
    PRIMARY KEY (tenant_id, delivery_id, attempt),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES resma.file_deliveries ON DELETE CASCADE
);

-- The files of a delivery, with the name that each has at the destination in all attempts.
CREATE TABLE resma.delivered_files (
    tenant_id     text NOT NULL,
    delivery_id   text NOT NULL,
    -- Position in the delivery, from 1. Positions of files that could not be generated are left out.
    position      bigint NOT NULL,
    name          text NOT NULL,
    bytes         bigint NOT NULL,
    sha256        text NOT NULL,
    -- Where the next attempt continues, such as the id of a multipart upload; NULL if it starts from the first byte.
    progress      jsonb,
    -- NULL until the file is complete at the destination.
    delivered_at  timestamptz,
    -- When it was complete there for the first time. A replay keeps it, and sets `delivered_at` to NULL.
    first_delivered_at  timestamptz,
    PRIMARY KEY (tenant_id, delivery_id, position),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES resma.file_deliveries ON DELETE CASCADE
);

-- Who requested that a delivery is repeated.
CREATE TABLE resma.file_delivery_replays (
    tenant_id       text NOT NULL,
    delivery_id     text NOT NULL,
    requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_by    text NOT NULL,
    requested_from  text,
    PRIMARY KEY (tenant_id, delivery_id, requested_at),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES resma.file_deliveries ON DELETE CASCADE
);

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['resma.destinations', 'resma.file_deliveries', 'resma.file_delivery_attempts',
                                     'resma.delivered_files', 'resma.file_delivery_replays']
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY own_tenant ON %s TO resma_app'
                       ' USING (tenant_id = (SELECT current_setting(''resma.tenant_id'', true)))', protected);
        EXECUTE format('CREATE POLICY all_tenants ON %s TO resma_system USING (true)', protected);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON resma.destinations TO resma_app;
GRANT SELECT, INSERT, UPDATE ON resma.file_deliveries, resma.file_delivery_attempts, resma.delivered_files,
    resma.file_delivery_replays TO resma_app;
GRANT SELECT, UPDATE ON resma.destinations TO resma_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON resma.file_deliveries TO resma_system;
