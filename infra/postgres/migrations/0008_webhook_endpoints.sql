-- Endpoints that a tenant registers once, beside the callback that a request may name; each delivery is to one of them.

CREATE TABLE resma.webhook_endpoints (
    tenant_id               text NOT NULL REFERENCES resma.tenants,
    -- 'callback' stands for the callbacks of the tenant's requests: it has a secret, and no address of its own.
    endpoint_id             text NOT NULL CHECK (endpoint_id ~ '^(callback|whe_[0-9a-f]{32})$'),
    url                     text,
    -- NULL is all, also those that come later.
    events                  text[] CHECK (cardinality(events) > 0),
    report_types            text[] CHECK (cardinality(report_types) > 0),
    created_at              timestamptz NOT NULL DEFAULT clock_timestamp(),

    -- NULL while it is enabled.
    disabled_at             timestamptz,
    disabled_reason         text CHECK (disabled_reason IN ('asked', 'gone')),

    -- Secrets are not stored: each is derived from the deployment's by tenant, endpoint and version.
    secret_version          integer NOT NULL DEFAULT 1 CHECK (secret_version > 0),
    -- Until then the version before signs too.
    previous_version_until  timestamptz,

    PRIMARY KEY (tenant_id, endpoint_id),
    CHECK ((url IS NULL) = (endpoint_id = 'callback')),
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);

ALTER TABLE resma.webhook_attempts
    DROP CONSTRAINT webhook_attempts_tenant_id_event_id_fkey,
    DROP CONSTRAINT webhook_attempts_pkey,
    ADD COLUMN endpoint_id text NOT NULL DEFAULT 'callback',
    -- Where this attempt went: an endpoint's address may change between two.
    ADD COLUMN url text;

ALTER TABLE resma.webhook_deliveries
    DROP CONSTRAINT webhook_deliveries_pkey,
    ADD COLUMN endpoint_id text NOT NULL DEFAULT 'callback',
    ADD COLUMN created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Why it FAILED.
    ADD COLUMN ended_reason text
        CHECK (ended_reason IN ('gone', 'attempts-used-up', 'endpoint-disabled', 'endpoint-deleted')),
    -- Attempts made before the last replay, which begins the pauses anew.
    ADD COLUMN attempts_before integer NOT NULL DEFAULT 0;

UPDATE resma.webhook_attempts AS a SET url = d.url
FROM resma.webhook_deliveries AS d WHERE d.tenant_id = a.tenant_id AND d.event_id = a.event_id;

UPDATE resma.webhook_deliveries AS d
SET created_at = e.created_at,
    ended_reason = CASE WHEN d.status = 'FAILED' THEN
        CASE WHEN EXISTS (SELECT FROM resma.webhook_attempts AS a
                          WHERE a.tenant_id = d.tenant_id AND a.event_id = d.event_id
                            AND a.attempt = d.attempts AND a.status_code = 410)
             THEN 'gone' ELSE 'attempts-used-up' END END
FROM resma.events AS e WHERE e.tenant_id = d.tenant_id AND e.event_id = d.event_id;

ALTER TABLE resma.webhook_deliveries
    ALTER COLUMN endpoint_id DROP DEFAULT,
    ADD PRIMARY KEY (tenant_id, event_id, endpoint_id),
    ADD CHECK ((status = 'FAILED') = (ended_reason IS NOT NULL));

ALTER TABLE resma.webhook_attempts
    ALTER COLUMN endpoint_id DROP DEFAULT,
    ALTER COLUMN url SET NOT NULL,
    ADD PRIMARY KEY (tenant_id, event_id, endpoint_id, attempt),
    ADD FOREIGN KEY (tenant_id, event_id, endpoint_id) REFERENCES resma.webhook_deliveries ON DELETE CASCADE;

-- What is due is looked for tenant by tenant, so that each gets its turn.
DROP INDEX resma.webhook_deliveries_due;
CREATE INDEX webhook_deliveries_due ON resma.webhook_deliveries (tenant_id, next_attempt_at)
    WHERE status = 'PENDING';
CREATE INDEX webhook_deliveries_newest_first
    ON resma.webhook_deliveries (tenant_id, endpoint_id, created_at DESC, event_id DESC);

-- Who asked for a delivery to be made again.
CREATE TABLE resma.webhook_replays (
    tenant_id    text NOT NULL REFERENCES resma.tenants,
    event_id     text NOT NULL,
    endpoint_id  text NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_by     text NOT NULL,
    asked_from   text,
    PRIMARY KEY (tenant_id, event_id, endpoint_id, asked_at),
    FOREIGN KEY (tenant_id, event_id, endpoint_id) REFERENCES resma.webhook_deliveries ON DELETE CASCADE
);

GRANT SELECT, INSERT, UPDATE, DELETE ON resma.webhook_endpoints TO resma_app;
GRANT SELECT, UPDATE ON resma.webhook_endpoints TO resma_system;
GRANT SELECT, INSERT ON resma.webhook_replays TO resma_app;

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['resma.webhook_endpoints', 'resma.webhook_replays']
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY own_tenant ON %s TO resma_app'
                       ' USING (tenant_id = (SELECT current_setting(''resma.tenant_id'', true)))', protected);
        EXECUTE format('CREATE POLICY all_tenants ON %s TO resma_system USING (true)', protected);
    END LOOP;
END
$$;
