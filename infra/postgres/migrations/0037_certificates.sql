-- OpenPGP certificates of receivers, and the reports whose files are encrypted for them.

CREATE TABLE resma.certificates (
    tenant_id       text NOT NULL REFERENCES resma.tenants,
    certificate_id  text NOT NULL CHECK (certificate_id ~ '^crt_[0-9a-f]{32}$'),
    name            text NOT NULL,
    -- The public part only, in binary form. A secret key is never stored.
    content         bytea NOT NULL,
    fingerprint     text NOT NULL,
    user_ids        text[] NOT NULL,
    -- Algorithm of the key that files are encrypted for.
    algorithm       text NOT NULL,
    -- When that key expires; NULL: never.
    expires_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by      text NOT NULL,
    PRIMARY KEY (tenant_id, certificate_id)
);

ALTER TABLE resma.reports
    -- Certificates that all its files are encrypted for; NULL: the files are not encrypted. Some may have been deleted.
    ADD COLUMN encrypt_for  text[] CHECK (cardinality(encrypt_for) BETWEEN 1 AND 10);

ALTER TABLE resma.report_files
    -- SHA-256 before encryption; NULL if the file is not encrypted.
    ADD COLUMN plain_sha256  text;

ALTER TABLE resma.certificates ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON resma.certificates TO resma_app
    USING (tenant_id = (SELECT current_setting('resma.tenant_id', true)));
CREATE POLICY all_tenants ON resma.certificates TO resma_system USING (true);
GRANT SELECT, INSERT, DELETE ON resma.certificates TO resma_app;
GRANT SELECT ON resma.certificates TO resma_system;
