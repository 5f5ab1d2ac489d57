-- Who may do what: keys of the API, quotas of tenants, personal columns, and a record of downloads.

ALTER TABLE resma.tenants
    ADD COLUMN created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Quotas. A burst is how many requests may come at once after a pause.
    ADD COLUMN requests_per_second integer NOT NULL DEFAULT 100 CHECK (requests_per_second > 0),
    ADD COLUMN requests_burst      integer NOT NULL DEFAULT 200 CHECK (requests_burst > 0),
    ADD COLUMN live_reports        integer NOT NULL DEFAULT 1000 CHECK (live_reports > 0),
    ADD COLUMN rows_a_day          bigint NOT NULL DEFAULT 100000000 CHECK (rows_a_day > 0);

CREATE TABLE resma.api_keys (
    tenant_id      text NOT NULL REFERENCES resma.tenants,
    -- Part of the key, and no secret.
    key_id         text NOT NULL UNIQUE CHECK (key_id ~ '^[a-z0-9]{16}$'),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- A secret of 256 random bits can't be guessed, so no slow hash is needed.
    secret_sha256  text NOT NULL CHECK (secret_sha256 ~ '^[0-9a-f]{64}$'),
    scopes         text[] NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by     text NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    -- To the minute.
    last_used_at   timestamptz,
    -- The key that came after it, where it was rotated.
    replaced_by    text,
    PRIMARY KEY (tenant_id, key_id)
);

-- The bucket of requests, as one moment: when it will be full again (the generic cell rate algorithm). Nothing is lost
-- with it, so it is not logged.
CREATE UNLOGGED TABLE resma.request_buckets (
    tenant_id  text PRIMARY KEY REFERENCES resma.tenants,
    full_at    timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Rows that a tenant's reports have read, by day in UTC.
CREATE TABLE resma.row_counts (
    tenant_id  text NOT NULL REFERENCES resma.tenants,
    day        date NOT NULL,
    rows       bigint NOT NULL,
    PRIMARY KEY (tenant_id, day)
);

-- Each minting of a presigned address. It outlives its report.
CREATE TABLE resma.download_links (
    tenant_id   text NOT NULL REFERENCES resma.tenants,
    link_id     uuid NOT NULL DEFAULT gen_random_uuid(),
    report_id   uuid NOT NULL,
    format      text NOT NULL,
    object_key  text NOT NULL,
    -- Who it was minted for, and where the request came from.
    subject     text NOT NULL,
    address     text,
    minted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, link_id)
);

CREATE INDEX download_links_by_report ON resma.download_links (tenant_id, report_id, minted_at);

ALTER TABLE resma.reports
    -- Earlier reports have everything in them, and are guarded like those that were asked for with all columns open.
    ADD COLUMN personal_masked boolean NOT NULL DEFAULT false,
    -- How many rows the report has been counted for in row_counts: an attempt that is repeated counts once.
    ADD COLUMN rows_counted    bigint NOT NULL DEFAULT 0;

CREATE INDEX reports_live ON resma.reports (tenant_id) WHERE status IN ('PENDING', 'GENERATING');

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['resma.api_keys', 'resma.row_counts', 'resma.download_links']
    LOOP
        EXECUTE format('CREATE POLICY own_tenant ON %s TO resma_app'
                       ' USING (tenant_id = (SELECT current_setting(''resma.tenant_id'', true)))', protected);
        EXECUTE format('CREATE POLICY all_tenants ON %s TO resma_system USING (true)', protected);
    END LOOP;
    FOREACH protected IN ARRAY ARRAY[
        'resma.api_keys', 'resma.row_counts', 'resma.download_links', 'resma.request_buckets']
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
    END LOOP;
END
$$;

-- Hashes are only seen by the function below.
GRANT SELECT (tenant_id, key_id, name, scopes, created_at, created_by, expires_at, revoked_at, last_used_at, replaced_by),
      INSERT,
      UPDATE (expires_at, revoked_at, replaced_by)
    ON resma.api_keys TO resma_app;
GRANT SELECT, INSERT, UPDATE ON resma.row_counts TO resma_app;
GRANT INSERT ON resma.download_links TO resma_app, resma_system;

-- Takes a request out of a tenant's bucket. Returns 0, or the seconds until there is one; NULL where there is no such
-- tenant.
CREATE FUNCTION resma.take_request(wanted_tenant text) RETURNS float8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gap        interval;
    room       interval;
    seconds    float8;
BEGIN
    SELECT make_interval(secs => 1.0 / requests_per_second),
           make_interval(secs => requests_burst::float8 / requests_per_second)
    INTO gap, room
    FROM resma.tenants WHERE tenant_id = wanted_tenant;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO resma.request_buckets AS bucket (tenant_id, full_at)
    VALUES (wanted_tenant, clock_timestamp() + gap)
    ON CONFLICT (tenant_id) DO UPDATE
    SET full_at = greatest(bucket.full_at, clock_timestamp()) + gap
    WHERE greatest(bucket.full_at, clock_timestamp()) + gap <= clock_timestamp() + room;
    IF FOUND THEN
        RETURN 0;
    END IF;
    SELECT extract(epoch FROM full_at + gap - room - clock_timestamp()) INTO seconds
    FROM resma.request_buckets WHERE tenant_id = wanted_tenant;
    RETURN greatest(seconds, 0.001);
END
$$;

-- What there is to know of a key before its tenant is known, and a request out of its tenant's bucket: one round trip.
-- The bucket is left alone unless the secret is right, so that nobody else can empty it. `wait_seconds` is NULL then.
CREATE FUNCTION resma.authenticate_key(wanted_key text, presented_sha256 text)
RETURNS TABLE (tenant_id text, secret_sha256 text, scopes text[], is_revoked boolean, is_expired boolean,
               wait_seconds float8)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found resma.api_keys;
    is_good boolean;
BEGIN
    SELECT * INTO found FROM resma.api_keys WHERE key_id = wanted_key;
    IF found.key_id IS NULL THEN
        RETURN;
    END IF;
    is_good := found.secret_sha256 = presented_sha256 AND found.revoked_at IS NULL
               AND found.expires_at > clock_timestamp();
    IF is_good AND (found.last_used_at IS NULL OR found.last_used_at < clock_timestamp() - interval '1 minute') THEN
        -- Nobody waits for the disk because of this.
        PERFORM set_config('synchronous_commit', 'off', true);
        UPDATE resma.api_keys SET last_used_at = clock_timestamp()
        WHERE tenant_id = found.tenant_id AND key_id = found.key_id
          AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute');
    END IF;
    RETURN QUERY SELECT found.tenant_id, found.secret_sha256, found.scopes, found.revoked_at IS NOT NULL,
        found.expires_at <= clock_timestamp(),
        CASE WHEN is_good THEN resma.take_request(found.tenant_id) END;
END
$$;

REVOKE ALL ON FUNCTION resma.take_request(text), resma.authenticate_key(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resma.take_request(text), resma.authenticate_key(text, text) TO resma_app;
