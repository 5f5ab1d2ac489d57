-- Two logins and no more rights than each needs. Passwords are set by whoever deploys, never here.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'resma_app') THEN
        CREATE ROLE resma_app LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'resma_reader') THEN
        CREATE ROLE resma_reader LOGIN;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA resma TO resma_app;
GRANT SELECT ON resma.tenants TO resma_app;
GRANT SELECT, INSERT, UPDATE ON resma.reports, resma.events, resma.webhook_deliveries, resma.webhook_attempts
    TO resma_app;

GRANT USAGE ON SCHEMA bank TO resma_reader;
GRANT SELECT ON bank.transactions TO resma_reader;
ALTER ROLE resma_reader SET default_transaction_read_only = on;
