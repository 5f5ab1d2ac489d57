-- What people see of a report before its file: its charts, and how fast it goes.

ALTER TABLE resma.reports
    -- The charts of the snapshot that is being, or was, written; NULL before it was counted. Its size is bounded.
    ADD COLUMN charts         jsonb,
    -- Of the attempt that has the job: when it began to write rows, and after how many that earlier ones had written.
    ADD COLUMN writing_since  timestamptz,
    ADD COLUMN written_before bigint;
