-- What of a report's files is personal, as it was when their rows were read: the catalogue may say otherwise later.
-- NULL for reports made before.

ALTER TABLE resma.reports
    ADD COLUMN personal_columns  text[],
    ADD COLUMN personal_filters  text[];
