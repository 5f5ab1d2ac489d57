-- The entries of ACCESS_LOG in few columns, so that a page of a PDF is wide enough for them.
SELECT entry_id,
       occurred_at,
       action,
       concat_ws(' ', CASE caller_kind WHEN 'destination' THEN caller_kind ELSE subject END, '(' || key_name || ')') AS who,
       ip_address,
       concat_ws(' ', report_type, report_id::text) AS report,
       nullif(concat_ws(' ', format, file_name, object_key), '') AS file,
       nullif(concat_ws(' ', destination_name, destination_id, url, endpoint_id), '') AS recipient,
       concat_ws(' ', outcome, status_code::text, error_code) AS result,
       nullif(concat_ws(' ', recipient, detail), '') AS detail,
       kms_key,
       pdf_encrypted,
       nullif(concat_ws(' / ', array_to_string(encrypted_for, ' '), signed_by), '') AS openpgp_keys
FROM resma.access_log
WHERE tenant_id = %(tenant_id)s
  AND (%(from)s::date IS NULL OR occurred_at > (%(from)s::date - 1 + time '23:59:59.999999')::timestamptz)
  AND (%(to)s::date IS NULL OR occurred_at <= (%(to)s::date + time '23:59:59.999999')::timestamptz)
  AND (%(action)s::text[] IS NULL OR action = ANY (%(action)s))
  AND (%(report_type)s::text IS NULL OR report_type = %(report_type)s)
  AND (%(report_id)s::text IS NULL OR report_id::text = %(report_id)s)
  AND (%(outcome)s::text[] IS NULL OR outcome = ANY (%(outcome)s))
