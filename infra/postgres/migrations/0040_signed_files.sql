-- OpenPGP keys with which files are signed that are encrypted for their receivers.

ALTER TABLE resma.tenants
    -- Fingerprint of the tenant's key, in capital letters. The key itself is in Secrets Manager. NULL: files are not signed.
    ADD COLUMN signing_key  text CHECK (signing_key ~ '^([0-9A-F]{40}|[0-9A-F]{64})$');

ALTER TABLE resma.reports
    -- Fingerprint of the key that its files are signed with; NULL: they are not signed, or the report has not started.
    ADD COLUMN signed_by  text;
