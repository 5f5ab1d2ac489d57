-- Passwords of PDF files. The password itself is in no table: `pdf_key` has the entries of the encryption dictionary, the
-- file key, sealed with the key of the deployment, and a keyed hash of the password.

ALTER TABLE resma.reports
    -- NULL if PDF files are not encrypted.
    ADD COLUMN pdf_key  jsonb;

ALTER TABLE resma.schedules
    -- The key of the PDF files of all its reports.
    ADD COLUMN pdf_key  jsonb;
