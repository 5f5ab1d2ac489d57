-- A report may have several files, and a request says more than its filters.

ALTER TABLE resma.reports
    ADD COLUMN formats    text[],
    -- Names of columns, in the request's order; NULL is all of them.
    ADD COLUMN columns    text[],
    ADD COLUMN locale     text NOT NULL DEFAULT 'en-US',
    ADD COLUMN time_zone  text NOT NULL DEFAULT 'UTC',
    ADD COLUMN title      text,
    ADD COLUMN options    jsonb NOT NULL DEFAULT '{}',
    -- Of a READY report: for each format its object's key, size, SHA-256, media type and extension.
    ADD COLUMN files      jsonb,
    ADD COLUMN balance    jsonb;

UPDATE resma.reports
SET formats = ARRAY[format],
    files = CASE WHEN status IN ('READY', 'EXPIRED') AND object_key IS NOT NULL THEN
        jsonb_build_array(jsonb_build_object(
            'format', format, 'object_key', object_key, 'bytes', bytes, 'sha256', sha256,
            'extension', lower(format),
            'media_type', CASE format WHEN 'PDF' THEN 'application/pdf'
                                      ELSE 'text/csv; charset=utf-8; header=present' END,
            'parts', coalesce((metrics ->> 'parts')::integer, 1))) END;

ALTER TABLE resma.reports
    ALTER COLUMN formats SET NOT NULL,
    -- With a column go the checks that name it.
    DROP COLUMN format,
    DROP COLUMN object_key,
    DROP COLUMN upload_id,
    DROP COLUMN bytes,
    DROP COLUMN sha256,
    ADD CONSTRAINT reports_have_formats CHECK (cardinality(formats) > 0),
    ADD CONSTRAINT reports_ready_are_whole
        CHECK (status <> 'READY' OR (jsonb_array_length(files) = cardinality(formats) AND rows_done = rows_expected));
