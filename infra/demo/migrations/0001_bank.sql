-- The schema of the demo bank, which the report types of the demo catalog read.

CREATE TABLE bank.transactions (
    tenant_id       text NOT NULL,
    transaction_id  bigint NOT NULL,
    account_id      text NOT NULL,
    booked_at       timestamptz NOT NULL,
    type            text NOT NULL,
    status          text NOT NULL,
    description     text NOT NULL,
    counterparty    text,
    currency        text NOT NULL,
    amount          numeric NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id)
);

CREATE INDEX transactions_by_time ON bank.transactions (tenant_id, booked_at, transaction_id);
CREATE INDEX transactions_by_account ON bank.transactions (tenant_id, account_id, booked_at, transaction_id);

CREATE TABLE bank.accounts (
    tenant_id   text NOT NULL,
    account_id  text NOT NULL,
    holder      text NOT NULL,
    -- An account has one currency, and all its transactions are in it.
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
    -- Who approved an action that two people must agree to.
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

GRANT USAGE ON SCHEMA bank TO resma_reader;
GRANT SELECT ON bank.transactions, bank.accounts, bank.audit_events TO resma_reader;

-- The reader sees the rows of the tenant that its transaction names (`resma.tenant_id`), and none without a tenant.
-- The setting is in a sub-select, so that it is read once per query and not once per row.
ALTER TABLE bank.transactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON bank.transactions FOR SELECT TO resma_reader
    USING (tenant_id = (SELECT current_setting('resma.tenant_id', true)));
ALTER TABLE bank.accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON bank.accounts FOR SELECT TO resma_reader
    USING (tenant_id = (SELECT current_setting('resma.tenant_id', true)));
ALTER TABLE bank.audit_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON bank.audit_events FOR SELECT TO resma_reader
    USING (tenant_id = (SELECT current_setting('resma.tenant_id', true)));
