SELECT split_part(t.account_id, '-', 1) AS branch,
       t.account_id AS account,
       t.transaction_id AS id,
       t.booked_at,
       t.description,
       t.currency,
       t.amount
FROM bank.transactions AS t
WHERE t.tenant_id = %(tenant_id)s
  AND (%(branch)s::text IS NULL OR split_part(t.account_id, '-', 1) = %(branch)s)
  AND (%(account)s::text IS NULL OR t.account_id = %(account)s)
  AND (%(from)s::date IS NULL OR t.booked_at > (%(from)s::date - 1 + time '23:59:59.999999')::timestamptz)
  AND (%(to)s::date IS NULL OR t.booked_at <= (%(to)s::date + time '23:59:59.999999')::timestamptz)
