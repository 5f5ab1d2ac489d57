-- Certificates of destinations: reports that are delivered there, and test files, are encrypted for them.

ALTER TABLE resma.destinations
    ADD COLUMN encrypt_for  text[] CHECK (cardinality(encrypt_for) BETWEEN 1 AND 10);

ALTER TABLE resma.reports
    -- Certificates that the request itself names. `encrypt_for` also has those of its destinations.
    ADD COLUMN encrypt_for_requested  text[] CHECK (cardinality(encrypt_for_requested) BETWEEN 1 AND 10);
UPDATE resma.reports SET encrypt_for_requested = encrypt_for WHERE encrypt_for IS NOT NULL;

ALTER TABLE resma.file_deliveries
    -- Certificates that a test file is encrypted for; NULL for a report, and if the test file is not encrypted.
    ADD COLUMN test_encrypt_for  text[],
    -- The encrypted test file. It is encrypted in the first attempt, so that all attempts deliver the same bytes.
    ADD COLUMN test_content      bytea;
