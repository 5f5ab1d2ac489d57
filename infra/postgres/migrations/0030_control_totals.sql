-- Control totals: the result of a report type's control query, beside the totals of the report.

ALTER TABLE resma.reports
    -- At most 20 currencies, as the API shows them, beginning with those that differ; NULL if there is no control query, or
    -- it has not run.
    ADD COLUMN control_totals  jsonb;
