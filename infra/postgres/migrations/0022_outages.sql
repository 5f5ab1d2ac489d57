-- Outages of what reports need are waited for: a circuit for each dependency, and what a report waits for.

ALTER TABLE resma.reports
    -- What a PENDING report waits for; kept while its next attempt runs, until that makes progress or ends otherwise.
    ADD COLUMN waiting_for     text,
    ADD COLUMN waiting_since   timestamptz,
    ADD COLUMN waiting_detail  text,
    ADD COLUMN next_attempt_at timestamptz,
    -- How often in a row it was tried, or was not tried because the circuit was open.
    ADD COLUMN waits           integer NOT NULL DEFAULT 0,
    ADD CHECK ((waiting_for IS NULL) = (waiting_since IS NULL));
CREATE INDEX reports_waiting ON resma.reports (waiting_since) WHERE status = 'PENDING' AND waiting_for IS NOT NULL;

-- An open circuit: until `probe_at` no worker begins a report, and then one does.
CREATE TABLE resma.outages (
    dependency   text PRIMARY KEY CHECK (dependency IN ('object-store', 'secrets', 'source-database')),
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    failed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    failures     integer NOT NULL DEFAULT 1,
    probe_at     timestamptz NOT NULL,
    error_detail text NOT NULL
);
-- Of the whole deployment, and without anything of a tenant's.
GRANT SELECT, INSERT, UPDATE, DELETE ON resma.outages TO resma_app, resma_system;
