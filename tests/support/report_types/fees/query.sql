SELECT date_trunc('month', t.booked_at)::date AS month,
       t.account_id AS account,
       a.holder,
       t.currency,
       count(*) AS fees,
       -sum(t.amount) AS charged
FROM bank.transactions AS t
JOIN bank.accounts AS a ON a.tenant_id = t.tenant_id AND a.account_id = t.account_id
WHERE t.tenant_id = %(tenant_id)s
  AND t.type = 'FEE'
  AND t.status = 'BOOKED'
  AND t.booked_at > (%(from)s::date - 1 + time '23:59:59.999999')::timestamptz
  AND (%(to)s::date IS NULL OR t.booked_at <= (%(to)s::date + time '23:59:59.999999')::timestamptz)
  AND (%(account)s::text IS NULL OR t.account_id = %(account)s)
  AND (%(currency)s::text[] IS NULL OR t.currency = ANY (%(currency)s))
GROUP BY 1, 2, 3, 4
HAVING count(*) >= %(at_least)s::bigint
   AND (%(over)s::numeric IS NULL OR -sum(t.amount) > %(over)s)
