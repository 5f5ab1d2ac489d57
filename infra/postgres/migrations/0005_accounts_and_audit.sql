-- More of the demo bank: the accounts that its transactions belong to, and who did what in it.

CREATE TABLE bank.accounts (
    tenant_id   text NOT NULL,
    account_id  text NOT NULL,
    holder      text NOT NULL,
    -- An account is kept in one currency, and all its bookings are in it.
    currency    text NOT NULL,
    opened_on   date NOT NULL,
    PRIMARY KEY (tenant_id, account_id)
);

CREATE TABLE bank.audit_events (
    tenant_id    text NOT NULL,
    event_id     bigint NOT NULL,
    occurred_at  timestamptz NOT NULL,
    actor        text NOT NULL,
    actor_role   text NOT NULL,
    action       text NOT NULL,
    object_type  text NOT NULL,
    object_id    text NOT NULL,
    outcome      text NOT NULL,
    channel      text NOT NULL,
    ip_address   inet,
    user_agent   text,
    session_id   text NOT NULL,
    request_id   uuid NOT NULL,
    -- Four eyes: who agreed to it, where it takes two.
    approved_by  text,
    reason       text,
    before       jsonb,
    after        jsonb,
    PRIMARY KEY (tenant_id, event_id)
);

CREATE INDEX audit_events_by_time ON bank.audit_events (tenant_id, occurred_at, event_id);
CREATE INDEX audit_events_by_object
    ON bank.audit_events (tenant_id, object_type, object_id, occurred_at, event_id);
CREATE INDEX audit_events_by_actor ON bank.audit_events (tenant_id, actor, occurred_at, event_id);

GRANT SELECT ON bank.accounts, bank.audit_events TO resma_reader;
