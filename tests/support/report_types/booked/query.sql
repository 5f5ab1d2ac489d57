SELECT transaction_id AS id, amount, currency FROM bank.transactions
WHERE tenant_id = %(tenant_id)s AND (%(account)s::text IS NULL OR account_id = %(account)s)
  AND booked_at >= %(day)s::date
