-- A format that has no place for a value fails alone: the other files are delivered, and the row says which failed and why
-- (functions/resma/reports.py, FailedFile). Warnings are what readers should know of a READY report
-- (functions/resma/report_warnings.py). Both are NULL until a report is READY, and bounded in size.

ALTER TABLE resma.reports
    ADD COLUMN failed_files jsonb,
    ADD COLUMN warnings     jsonb;

-- Each format is either stored or failed, and a READY report has at least one file.
ALTER TABLE resma.reports
    DROP CONSTRAINT reports_ready_are_whole,
    ADD CONSTRAINT reports_ready_are_whole CHECK (status <> 'READY' OR (
        jsonb_array_length(files) > 0
        AND jsonb_array_length(files) + coalesce(jsonb_array_length(failed_files), 0) = cardinality(formats)
        AND rows_done = rows_expected));
