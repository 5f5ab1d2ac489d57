-- Split reports: one file for each key, made by several workers from one snapshot.

ALTER TABLE resma.reports
    -- Columns that the report is split by; NULL if it has one file in each format.
    ADD COLUMN split_by       text[] CHECK (cardinality(split_by) > 0),
    ADD COLUMN zip            boolean NOT NULL DEFAULT false,
    -- Number of keys in the snapshot, counted before the first row is read, and number of keys whose files are stored.
    ADD COLUMN keys_expected  bigint,
    ADD COLUMN keys_done      bigint NOT NULL DEFAULT 0,
    -- The snapshot that the coordinator exports for other workers. It exists only while the transaction of one of them is
    -- open. `snapshots` is the number of snapshots so far.
    -- `snapshot_number` is the number of this snapshot, from 1.
    ADD COLUMN snapshot_id    text,
    ADD COLUMN snapshots      integer NOT NULL DEFAULT 0,
    ADD COLUMN snapshot_number integer,
    -- Hash of the code and the report type that divided the keys into shards.
    ADD COLUMN shards_stamp   text,
    -- Highest attempt of any shard that was deleted because the report restarted. The attempts of new shards follow it.
    ADD COLUMN shard_attempts integer NOT NULL DEFAULT 0,
    -- The manifest and its list of files, and the ZIP archive if one was requested.
    ADD COLUMN manifest       jsonb;

ALTER TABLE resma.reports
    DROP CONSTRAINT reports_ready_are_whole,
    ADD CONSTRAINT reports_ready_are_whole CHECK (status <> 'READY' OR split_by IS NOT NULL OR (
        jsonb_array_length(files) > 0
        AND jsonb_array_length(files) + coalesce(jsonb_array_length(failed_files), 0) = cardinality(formats)
        AND rows_done = rows_expected)),
    ADD CONSTRAINT split_reports_ready_are_whole CHECK (status <> 'READY' OR split_by IS NULL OR (
        manifest IS NOT NULL AND keys_done = keys_expected AND rows_done = rows_expected));

-- A range of keys of a split report, which one worker at a time generates.
CREATE TABLE resma.shards (
    tenant_id         text NOT NULL,
    report_id         uuid NOT NULL,
    shard             integer NOT NULL CHECK (shard > 0),
    status            text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'GENERATING', 'DONE', 'FAILED')),

    -- The first and the last key, both included: cells as Postgres prints them, NULL for NULL.
    first_key         text[] NOT NULL,
    last_key          text[] NOT NULL,
    -- Number of the first file, keys and rows, and a hash of all rows, as counted in the first snapshot.
    first_number      bigint NOT NULL,
    keys              bigint NOT NULL CHECK (keys > 0),
    rows              bigint NOT NULL CHECK (rows > 0),
    digest            text NOT NULL,

    -- When its message was sent; NULL while it has to be sent.
    sent_at           timestamptz,
    -- Earliest time of the next attempt, after one that has failed.
    next_attempt_at   timestamptz,
    -- The fence: it increases with each claim, and every write of a worker names it.
    attempt           integer NOT NULL DEFAULT 0,
    attempts_allowed  integer NOT NULL,
    lease_until       timestamptz,
    -- The last key whose work is stored. The next attempt continues after it.
    done_key          text[],
    keys_done         bigint NOT NULL DEFAULT 0,
    rows_done         bigint NOT NULL DEFAULT 0,
    -- The process that had its last attempt.
    worker            text,
    usage             jsonb,
    -- Warnings about its files, one for each code, format and column.
    warnings          jsonb,
    error_code        text,
    error_detail      text,

    PRIMARY KEY (tenant_id, report_id, shard),
    FOREIGN KEY (tenant_id, report_id) REFERENCES resma.reports ON DELETE CASCADE,
    CHECK (status <> 'GENERATING' OR lease_until IS NOT NULL),
    CHECK (status <> 'DONE' OR (keys_done = keys AND rows_done = rows))
);
CREATE INDEX shards_in_progress ON resma.shards (tenant_id, report_id) WHERE status IN ('PENDING', 'GENERATING');

-- One file of a split report.
CREATE TABLE resma.report_files (
    tenant_id     text NOT NULL,
    report_id     uuid NOT NULL,
    -- Number of its key in the order of the report, from 1.
    number        bigint NOT NULL,
    format        text NOT NULL,
    shard         integer NOT NULL,
    key           text[] NOT NULL,
    -- The cells of the key, joined by spaces, in lower case, for searches: the first 500 characters.
    search_text   text NOT NULL,
    -- Name of the file for its recipient, with its extension.
    name          text NOT NULL,
    rows          bigint NOT NULL,
    totals        jsonb NOT NULL,
    -- Number of the snapshot that its rows are from: 1, or more if the report continued in another snapshot.
    snapshot      integer NOT NULL DEFAULT 1,
    -- NULL if the file could not be made.
    object_key    text,
    media_type    text,
    bytes         bigint,
    sha256        text,
    crc32         bigint,
    pages         integer,
    error_code    text,
    error_detail  text,

    PRIMARY KEY (tenant_id, report_id, number, format),
    FOREIGN KEY (tenant_id, report_id, shard) REFERENCES resma.shards ON DELETE CASCADE,
    CHECK ((object_key IS NULL) = (error_code IS NOT NULL)),
    CHECK (object_key IS NULL OR (media_type IS NOT NULL AND bytes IS NOT NULL AND sha256 IS NOT NULL
                                  AND crc32 IS NOT NULL))
);
-- For the foreign key: without it, each deleted shard reads all files of its report.
CREATE INDEX report_files_by_shard ON resma.report_files (tenant_id, report_id, shard);
CREATE INDEX report_files_by_search_text ON resma.report_files (tenant_id, report_id, search_text text_pattern_ops);
CREATE INDEX report_files_failed ON resma.report_files (tenant_id, report_id, number) WHERE error_code IS NOT NULL;

-- Quota: files of a tenant's split reports, by day in UTC.
ALTER TABLE resma.tenants ADD COLUMN files_per_day bigint NOT NULL DEFAULT 1000000 CHECK (files_per_day > 0);
ALTER TABLE resma.row_counts ADD COLUMN files bigint NOT NULL DEFAULT 0;
-- Number of files that the report has been counted for, on the day `rows_counted_on`: a retried attempt counts once.
ALTER TABLE resma.reports ADD COLUMN files_counted bigint NOT NULL DEFAULT 0;

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['resma.shards', 'resma.report_files']
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY own_tenant ON %s TO resma_app'
                       ' USING (tenant_id = (SELECT current_setting(''resma.tenant_id'', true)))', protected);
        EXECUTE format('CREATE POLICY all_tenants ON %s TO resma_system USING (true)', protected);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON resma.shards, resma.report_files TO resma_app, resma_system;
