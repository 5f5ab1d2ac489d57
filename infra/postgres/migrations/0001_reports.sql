-- The system's own tables. A tenant stands in every table and leads every key.

CREATE TABLE resma.tenants (
    tenant_id text PRIMARY KEY CHECK (tenant_id ~ '^[a-z0-9-]{1,63}$'),
    name      text NOT NULL
);

CREATE TABLE resma.reports (
    tenant_id        text NOT NULL REFERENCES resma.tenants,
    report_id        uuid NOT NULL,
    type             text NOT NULL,
    format           text NOT NULL,
    filters          jsonb NOT NULL,
    callback_url     text,
    idempotency_key  text,
    -- SHA-256 of the request as it was understood: the same key with another request is refused.
    request_sha256   text NOT NULL,

    status           text NOT NULL DEFAULT 'PENDING'
                     CHECK (status IN ('PENDING', 'GENERATING', 'READY', 'FAILED', 'CANCELLED', 'EXPIRED')),
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The row is its own outbox: NULL until the queue has taken the message.
    enqueued_at      timestamptz,
    started_at       timestamptz,
    finished_at      timestamptz,

    -- The fence: it grows with each claim, and every write of a worker names it.
    attempt          integer NOT NULL DEFAULT 0,
    lease_until      timestamptz,
    upload_id        text,
    object_key       text,

    rows_done        bigint NOT NULL DEFAULT 0,
    rows_expected    bigint,
    as_of            timestamptz,
    totals           jsonb,
    bytes            bigint,
    sha256           text,
    metrics          jsonb,
    error_code       text,
    error_detail     text,

    PRIMARY KEY (tenant_id, report_id),
    CHECK (status <> 'GENERATING' OR lease_until IS NOT NULL),
    CHECK (status <> 'READY' OR (sha256 IS NOT NULL AND object_key IS NOT NULL AND rows_done = rows_expected))
);

CREATE UNIQUE INDEX reports_idempotency_key ON resma.reports (tenant_id, idempotency_key);
CREATE INDEX reports_newest_first ON resma.reports (tenant_id, created_at DESC, report_id DESC);
-- What the tick looks for; both stay as small as the work under way.
CREATE INDEX reports_pending ON resma.reports (created_at) WHERE status = 'PENDING';
CREATE INDEX reports_leased ON resma.reports (lease_until) WHERE status = 'GENERATING';

-- The outbox of the topic: written in the transaction that ends a report, emptied at once or by the tick.
CREATE TABLE resma.events (
    tenant_id     text NOT NULL REFERENCES resma.tenants,
    event_id      text NOT NULL,
    report_id     uuid NOT NULL,
    type          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at  timestamptz,
    PRIMARY KEY (tenant_id, event_id),
    FOREIGN KEY (tenant_id, report_id) REFERENCES resma.reports ON DELETE CASCADE
);

-- One completion a report, whatever is delivered twice.
CREATE UNIQUE INDEX events_one_a_report ON resma.events (tenant_id, report_id);
CREATE INDEX events_unpublished ON resma.events (created_at) WHERE published_at IS NULL;

CREATE TABLE resma.webhook_deliveries (
    tenant_id        text NOT NULL REFERENCES resma.tenants,
    -- The event's id, and the webhook-id header of every attempt.
    event_id         text NOT NULL,
    report_id        uuid NOT NULL,
    url              text NOT NULL,
    status           text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'DELIVERED', 'FAILED')),
    attempts         integer NOT NULL DEFAULT 0,
    -- When the next attempt is due; moved ahead before each attempt, so that a crash means another one.
    next_attempt_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at     timestamptz,
    PRIMARY KEY (tenant_id, event_id),
    FOREIGN KEY (tenant_id, event_id) REFERENCES resma.events ON DELETE CASCADE
);

CREATE INDEX webhook_deliveries_due ON resma.webhook_deliveries (next_attempt_at) WHERE status = 'PENDING';

CREATE TABLE resma.webhook_attempts (
    tenant_id    text NOT NULL REFERENCES resma.tenants,
    event_id     text NOT NULL,
    attempt      integer NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    milliseconds integer,
    status_code  integer,
    error        text,
    PRIMARY KEY (tenant_id, event_id, attempt),
    FOREIGN KEY (tenant_id, event_id) REFERENCES resma.webhook_deliveries ON DELETE CASCADE
);
