-- The logins of Resma. Roles belong to the cluster and not to a database, so each run creates those that do not exist
-- yet, and leaves existing ones unchanged: they may belong to another owner, for another database. Passwords are set
-- when Resma is deployed, never here.

DO $$
DECLARE
    login record;
BEGIN
    FOR login IN
        SELECT * FROM (VALUES
            -- A function that is stopped within a transaction releases its locks soon. The system's wait for longer,
            -- because scheduler and webhooks call the object store, the queue and the topic within a transaction.
            ('resma_app', 'idle_in_transaction_session_timeout', '10s'),
            ('resma_system', 'idle_in_transaction_session_timeout', '60s'),
            ('resma_reader', 'default_transaction_read_only', 'on')
        ) AS logins (name, setting, value)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = login.name);
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', login.name);
            EXECUTE format('ALTER ROLE %I SET %I = %L', login.name, login.setting, login.value);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- It was created for another database at the same time.
        END;
    END LOOP;

    -- The check of report types acts as the reader. A superuser may do so anyway, and an owner who did not create the
    -- logins may not grant them to itself: it runs the check with the reader's own URL.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        BEGIN
            GRANT resma_reader TO CURRENT_USER;
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
    END IF;
END
$$;
