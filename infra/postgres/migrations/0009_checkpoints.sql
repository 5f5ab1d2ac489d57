-- A report that outlives one invocation goes on in the next, and one whose worker died goes on where it was saved.

ALTER TABLE resma.reports
    -- Claims a job may have had when it is claimed. A hand-over is no failure, so it allows one more.
    ADD COLUMN attempts_allowed  integer NOT NULL DEFAULT 3,
    -- How often a worker whose time was up has passed the job on.
    ADD COLUMN handovers         integer NOT NULL DEFAULT 0,
    -- What the next attempt goes on from: where it lies, its SHA-256, how many rows are done, the objects it needs.
    ADD COLUMN checkpoint        jsonb;
