-- Tenants are kept apart by the database (row level security), not by each query's own condition.
--
-- resma_app sees the rows of the tenant that its transaction names (`resma.tenant_id`), and none
-- where it names none. resma_system is for what looks after all tenants: the tick, the webhooks, the dead letters.

GRANT USAGE ON SCHEMA resma TO resma_system;
GRANT SELECT ON resma.tenants TO resma_system;
GRANT SELECT, INSERT, UPDATE ON resma.reports, resma.events, resma.webhook_deliveries, resma.webhook_attempts
    TO resma_system;

-- In a sub-select, so that it is worked out once a query and not once a row.
DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY[
        'resma.tenants', 'resma.reports', 'resma.events', 'resma.webhook_deliveries', 'resma.webhook_attempts']
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY own_tenant ON %s TO resma_app'
                       ' USING (tenant_id = (SELECT current_setting(''resma.tenant_id'', true)))', protected);
        EXECUTE format('CREATE POLICY all_tenants ON %s TO resma_system USING (true)', protected);
    END LOOP;
END
$$;
