SELECT t.booked_at::date AS day,
       t.currency,
       t.type,
       count(*) AS transactions,
       coalesce(sum(t.amount) FILTER (WHERE t.amount > 0), 0.00) AS credits,
       coalesce(sum(t.amount) FILTER (WHERE t.amount < 0), 0.00) AS debits,
       sum(t.amount) AS net
FROM bank.transactions AS t
WHERE t.tenant_id = %(tenant_id)s
  AND (%(from)s::date IS NULL OR t.booked_at > (%(from)s::date - 1 + time '23:59:59.999999')::timestamptz)
  AND (%(to)s::date IS NULL OR t.booked_at <= (%(to)s::date + time '23:59:59.999999')::timestamptz)
  AND (%(status)s::text[] IS NULL OR t.status = ANY (%(status)s))
  AND (%(type)s::text[] IS NULL OR t.type = ANY (%(type)s))
  AND (%(currency)s::text[] IS NULL OR t.currency = ANY (%(currency)s))
GROUP BY 1, 2, 3
