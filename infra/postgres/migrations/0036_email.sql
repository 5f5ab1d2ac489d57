-- Destinations by e-mail: which domains a tenant may send to, what was sent to each recipient, and suppressed addresses.

ALTER TABLE resma.tenants
    -- Domains of recipients, in ASCII and lower case; empty: no e-mail.
    ADD COLUMN email_domains           text[] NOT NULL DEFAULT '{}',
    -- Maximum size of all attachments of a message, in bytes; 0: messages have no attachments.
    ADD COLUMN email_attachment_bytes  integer NOT NULL DEFAULT 0 CHECK (email_attachment_bytes BETWEEN 0 AND 7000000);

-- What became of the message to each recipient of a delivery by e-mail. A retry sends to the others only.
CREATE TABLE resma.delivery_recipients (
    tenant_id     text NOT NULL,
    delivery_id   text NOT NULL,
    address       text NOT NULL,
    -- DEFERRED: refused for now. BOUNCED and COMPLAINED: accepted at first, and reported later.
    status        text NOT NULL CHECK (status IN ('ACCEPTED', 'DEFERRED', 'REFUSED', 'SUPPRESSED', 'BOUNCED', 'COMPLAINED')),
    -- Id of the accepted message, which bounces and complaints name.
    message_id    text,
    detail        text,
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, delivery_id, address),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES resma.file_deliveries ON DELETE CASCADE
);

-- Addresses that a tenant sends no more messages to, because one has bounced for good, or its reader complained.
CREATE TABLE resma.suppressed_addresses (
    tenant_id      text NOT NULL REFERENCES resma.tenants,
    address        text NOT NULL,
    reason         text NOT NULL CHECK (reason IN ('BOUNCE', 'COMPLAINT')),
    detail         text,
    suppressed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, address)
);

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['resma.delivery_recipients', 'resma.suppressed_addresses']
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY own_tenant ON %s TO resma_app'
                       ' USING (tenant_id = (SELECT current_setting(''resma.tenant_id'', true)))', protected);
        EXECUTE format('CREATE POLICY all_tenants ON %s TO resma_system USING (true)', protected);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON resma.delivery_recipients, resma.suppressed_addresses TO resma_app;
