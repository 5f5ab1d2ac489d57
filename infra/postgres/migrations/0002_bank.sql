-- The demo bank: what reports are made of. A real deployment has tables of its own and leaves this empty.

CREATE SCHEMA bank;

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
