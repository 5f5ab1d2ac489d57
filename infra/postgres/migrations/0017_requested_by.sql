-- Who asked for a report, for the record: `key:<id>`, `token:<sub>`, `loopback`, `event:<id>` or `schedule:<id>`. Reports
-- that were asked for before this was kept have NULL.

ALTER TABLE resma.reports ADD COLUMN requested_by text;
