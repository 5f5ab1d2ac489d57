-- Columns and error codes are renamed to the terms of the field. Existing rows keep their data.

ALTER TABLE resma.tenants RENAME COLUMN rows_a_day TO rows_per_day;

ALTER TABLE resma.reports RENAME COLUMN spent TO usage;
ALTER TABLE resma.reports RENAME COLUMN handovers TO continuations;
ALTER TABLE resma.reports RENAME COLUMN stalled_handovers TO stalled_continuations;

ALTER TABLE resma.schedules RENAME COLUMN missed TO misfire_policy;

ALTER TABLE resma.events RENAME COLUMN put_on_bus_at TO published_to_bus_at;

ALTER TABLE resma.webhook_replays RENAME COLUMN asked_at TO requested_at;
ALTER TABLE resma.webhook_replays RENAME COLUMN asked_by TO requested_by;
ALTER TABLE resma.webhook_replays RENAME COLUMN asked_from TO requested_from;

ALTER TABLE resma.webhook_deliveries DROP CONSTRAINT webhook_deliveries_ended_reason_check;
UPDATE resma.webhook_deliveries SET ended_reason = 'attempts-exhausted' WHERE ended_reason = 'attempts-used-up';
ALTER TABLE resma.webhook_deliveries ADD CHECK (
    ended_reason IN ('gone', 'attempts-exhausted', 'endpoint-disabled', 'endpoint-deleted'));

CREATE TEMPORARY TABLE renamed_codes (old text PRIMARY KEY, new text NOT NULL) ON COMMIT DROP;
INSERT INTO renamed_codes VALUES
    ('catalogue-invalid', 'catalog-invalid'),
    ('format-cannot-hold', 'format-limit-exceeded'),
    ('not-begun', 'not-started'),
    ('start-over', 'restart-required'),
    ('time-zone-unknown', 'unknown-time-zone');

UPDATE resma.reports AS r SET error_code = c.new FROM renamed_codes AS c WHERE r.error_code = c.old;
UPDATE resma.events AS e SET error_code = c.new FROM renamed_codes AS c WHERE e.error_code = c.old;
UPDATE resma.redrives AS d SET error_code = c.new FROM renamed_codes AS c WHERE d.error_code = c.old;

UPDATE resma.reports SET failed_files = replace(failed_files::text, '"format-cannot-hold"', '"format-limit-exceeded"')::jsonb
WHERE failed_files @? '$[*] ? (@.code == "format-cannot-hold")';
UPDATE resma.reports SET warnings = replace(warnings::text, '"charts-left-out"', '"charts-omitted"')::jsonb
WHERE warnings @? '$[*] ? (@.code == "charts-left-out")';
