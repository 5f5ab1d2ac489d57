-- Every job is sent when its report is requested, and the queue is fair: there are no places to wait for any more. Rows
-- that waited for one are in the outbox (`enqueued_at` is NULL), and the scheduler sends them.

DROP INDEX resma.reports_in_the_queue;
DROP INDEX resma.reports_waiting;
ALTER TABLE resma.reports
    DROP COLUMN slot_at,
    -- How many invocations in a row ended when they had written no more than their first batch of rows.
    ADD COLUMN stalled_handovers integer NOT NULL DEFAULT 0;
