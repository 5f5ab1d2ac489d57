SELECT a.currency, sum(t.amount) AS amount, count(*) AS rows
FROM bank.accounts AS a JOIN bank.transactions AS t USING (tenant_id, account_id)
WHERE a.tenant_id = %(tenant_id)s
  AND (%(account)s::text IS NULL OR account_id = %(account)s)
  AND booked_at >= %(day)s::date
GROUP BY a.currency
