-- First what each account held before the period, as a row of its own: a period without a booking shows it too.
SELECT a.account_id AS account,
       0::bigint AS id,
       coalesce((%(from)s::date - 1 + time '23:59:59.999999')::timestamptz + interval '1 microsecond',
                a.opened_on::timestamptz) AS booked_at,
       'OPENING' AS type,
       NULL AS description,
       NULL AS counterparty,
       a.currency,
       0.00 AS amount,
       (SELECT coalesce(sum(t.amount), 0.00)
        FROM bank.transactions AS t
        WHERE t.tenant_id = %(tenant_id)s
          AND t.account_id = a.account_id
          AND t.currency = a.currency
          AND t.status = 'BOOKED'
          AND t.booked_at <= (%(from)s::date - 1 + time '23:59:59.999999')::timestamptz) AS balance
FROM bank.accounts AS a
WHERE a.tenant_id = %(tenant_id)s
  AND (%(account)s::text IS NULL OR a.account_id BETWEEN %(account)s AND %(account)s)
  AND (%(to)s::date IS NULL OR coalesce(%(from)s::date, a.opened_on) <= %(to)s::date)

UNION ALL

-- What is pending was not booked yet, what was declined or reversed does not move the balance: none of it is shown.
(
    SELECT booked.account, booked.id, booked.booked_at, booked.type, booked.description, booked.counterparty,
           booked.currency, booked.amount, booked.balance
    FROM (
        -- All that was ever booked, also before the period: the balance is made of it.
        SELECT t.account_id AS account,
               t.transaction_id AS id,
               t.booked_at,
               t.type,
               t.description,
               t.counterparty,
               t.currency,
               t.amount,
               sum(t.amount) OVER (PARTITION BY t.account_id ORDER BY t.booked_at, t.transaction_id
                                   ROWS UNBOUNDED PRECEDING) AS balance
        FROM bank.transactions AS t
        JOIN bank.accounts AS a
          ON a.tenant_id = t.tenant_id AND a.account_id = t.account_id AND a.currency = t.currency
        WHERE t.tenant_id = %(tenant_id)s
          -- BETWEEN finds the same rows as =, but with = Postgres would not see that the index has the order of `sort`.
          AND (%(account)s::text IS NULL OR t.account_id BETWEEN %(account)s AND %(account)s)
          AND t.status = 'BOOKED'
          AND (%(to)s::date IS NULL OR t.booked_at <= (%(to)s::date + time '23:59:59.999999')::timestamptz)
    ) AS booked
    WHERE %(from)s::date IS NULL OR booked.booked_at > (%(from)s::date - 1 + time '23:59:59.999999')::timestamptz
    -- In this order they come out of the index; said here, Postgres needs not sort them again.
    ORDER BY booked.account, booked.booked_at, booked.id
)
