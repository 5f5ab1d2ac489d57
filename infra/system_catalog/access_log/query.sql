SELECT entry_id,
       occurred_at,
       action,
       caller_kind,
       subject,
       key_id,
       key_name,
       ip_address,
       report_type,
       report_id::text AS report_id,
       format,
       object_key,
       link_expires_at,
       endpoint_id,
       url,
       secret_version,
       status_code,
       outcome,
       detail,
       kms_key,
       pdf_encrypted,
       destination_id,
       destination_name,
       file_name,
       error_code,
       recipient,
       array_to_string(encrypted_for, ' ') AS encrypted_for,
       signed_by
FROM resma.access_log
WHERE tenant_id = %(tenant_id)s
  AND (%(from)s::date IS NULL OR occurred_at > (%(from)s::date - 1 + time '23:59:59.999999')::timestamptz)
  AND (%(to)s::date IS NULL OR occurred_at <= (%(to)s::date + time '23:59:59.999999')::timestamptz)
  AND (%(action)s::text[] IS NULL OR action = ANY (%(action)s))
  AND (%(report_type)s::text IS NULL OR report_type = %(report_type)s)
  AND (%(report_id)s::text IS NULL OR report_id::text = %(report_id)s)
  AND (%(outcome)s::text[] IS NULL OR outcome = ANY (%(outcome)s))
