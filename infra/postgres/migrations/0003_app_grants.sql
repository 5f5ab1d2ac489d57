-- What the API, the intake and the worker may do with the system's tables.

GRANT USAGE ON SCHEMA resma TO resma_app;
GRANT SELECT ON resma.tenants TO resma_app;
GRANT SELECT, INSERT, UPDATE ON resma.reports, resma.events, resma.webhook_deliveries, resma.webhook_attempts
    TO resma_app;
