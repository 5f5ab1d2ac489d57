SELECT t.transaction_id AS id,
       t.booked_at,
       t.account_id AS account,
       t.type,
       t.status,
       t.description,
       t.counterparty,
       t.currency,
       t.amount
FROM bank.transactions AS t
WHERE t.tenant_id = %(tenant_id)s
  AND (%(from)s::date IS NULL OR t.booked_at > (%(from)s::date - 1 + time '23:59:59.999999')::timestamptz)
  AND (%(to)s::date IS NULL OR t.booked_at <= (%(to)s::date + time '23:59:59.999999')::timestamptz)
  AND (%(account)s::text IS NULL OR t.account_id = %(account)s)
  AND (%(type)s::text[] IS NULL OR t.type = ANY (%(type)s))
  AND (%(status)s::text[] IS NULL OR t.status = ANY (%(status)s))
  AND (%(currency)s::text[] IS NULL OR t.currency = ANY (%(currency)s))
