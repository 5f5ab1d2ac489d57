-- A function that stops inside a transaction (frozen, cut off, its machine gone) must not keep its locks until the
-- network notices: others wait for them. Work on one tenant asks nobody else within a transaction; the tick and the
-- webhooks ask the store, the queue and the topic.

ALTER ROLE resma_app SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE resma_system SET idle_in_transaction_session_timeout = '60s';
