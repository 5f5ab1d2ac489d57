-- The demo bank, made by arithmetic on hashes of the row's number: the same rows on every machine.
-- Parameters: rows.

CREATE FUNCTION pg_temp.pick(seed bigint, choices text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN choices[1 + mod(abs(seed), cardinality(choices))];

INSERT INTO bank.transactions (tenant_id, transaction_id, account_id, booked_at, type, status, description,
                               counterparty, currency, amount)
SELECT 'demo',
       i,
       'BR' || lpad((1000 + mod(h3, 400))::text, 4, '0') || '-' || lpad(mod(h4, 1000000)::text, 6, '0'),
       -- Two years from 2024-01-01, evenly, with some seconds of scatter inside each step.
       timestamptz '2024-01-01 00:00:00+00'
           + make_interval(secs => floor((i - 1) * (731 * 86400.0 / %(rows)s::bigint))
                                   + mod(h2, greatest(1, (731 * 86400 / %(rows)s::bigint)))),
       kind,
       CASE WHEN mod(h1, 1000) < 930 THEN 'BOOKED'
            WHEN mod(h1, 1000) < 960 THEN 'PENDING'
            WHEN mod(h1, 1000) < 985 THEN 'REVERSED'
            ELSE 'DECLINED' END,
       CASE kind
           WHEN 'CARD' THEN 'Card purchase ' || shop || ' ' || lpad(mod(h2, 10000)::text, 4, '0')
           WHEN 'PIX' THEN 'PIX to ' || person
           WHEN 'TRANSFER' THEN 'Transfer ref. ' || upper(to_hex(mod(h2, 4294967296))) || ' ' || person
           WHEN 'BILL' THEN 'Bill ' || pg_temp.pick(h3, ARRAY['electricity', 'water', 'rent', 'internet', 'school'])
                            || ', "' || to_char(mod(h4, 12) + 1, 'FM00') || '/2024"'
           WHEN 'FEE' THEN 'Account fee, monthly plan'
           WHEN 'SALARY' THEN 'Salary ' || company
           WHEN 'REFUND' THEN 'Refund ' || shop
           ELSE 'Interest on savings' END,
       CASE WHEN kind IN ('FEE', 'INTEREST') THEN NULL
            WHEN kind IN ('CARD', 'REFUND') THEN shop
            WHEN kind IN ('SALARY', 'BILL') THEN company
            ELSE person END,
       CASE WHEN mod(h3, 100) < 78 THEN 'BRL' WHEN mod(h3, 100) < 90 THEN 'USD' ELSE 'EUR' END,
       round(
           CASE kind
               WHEN 'CARD' THEN -(1 + mod(h4, 40000) * 0.01)
               WHEN 'PIX' THEN -(5 + mod(h4, 120000) * 0.01)
               WHEN 'TRANSFER' THEN -(50 + mod(h4, 300000) * 0.01)
               WHEN 'BILL' THEN -(40 + mod(h4, 150000) * 0.01)
               WHEN 'FEE' THEN -(5 + mod(h4, 3000) * 0.01)
               -- Pay grows over the two years, and December has a thirteenth salary.
               WHEN 'SALARY' THEN (600 + mod(h4, 1000000) * 0.01) * (90 + 20 * i / %(rows)s::bigint) / 100
                                  * CASE WHEN mod((i - 1) * 24 / %(rows)s::bigint, 12) = 11 THEN 1.6 ELSE 1 END
               WHEN 'REFUND' THEN 1 + mod(h4, 40000) * 0.01
               ELSE mod(h4, 9000) * 0.01 END, 2)
FROM (
    SELECT i, h1, h2, h3, h4,
           CASE WHEN mod(h2, 100) < 45 THEN 'CARD'
                WHEN mod(h2, 100) < 70 THEN 'PIX'
                WHEN mod(h2, 100) < 78 THEN 'TRANSFER'
                WHEN mod(h2, 100) < 86 THEN 'BILL'
                WHEN mod(h2, 100) < 90 THEN 'FEE'
                WHEN mod(h2, 100) < 96 THEN 'SALARY'
                WHEN mod(h2, 100) < 98 THEN 'REFUND'
                ELSE 'INTEREST' END AS kind,
           -- One in a thousand is from abroad, and written in other letters.
           CASE WHEN mod(h3, 1000) = 0
                THEN pg_temp.pick(h1, ARRAY['Ωμέγα Βιβλία', 'Кафе Пушкин', 'Księgarnia Łódź'])
                ELSE pg_temp.pick(h1, ARRAY['Padaria São João', 'Livraria Açaí', 'Mercado Central',
                    'Farmácia Boa Saúde', 'Café Girassol', 'Posto Ipiranga', 'Kaufhaus Süd', 'Crème & Co.',
                    'O''Neill "Pub"', 'Loja das Flores']) END AS shop,
           CASE WHEN mod(h3, 1000) = 1
                THEN pg_temp.pick(h4, ARRAY['Ελένη Παπαδοπούλου', 'Иван Петров', 'Łukasz Wójcik'])
                ELSE pg_temp.pick(h4, ARRAY['Ana Conceição', 'João Magalhães', 'Márcia Araújo', 'Søren Ångström',
                    'Zoë Müller', 'Luís Figueiredo', 'Beatriz Gonçalves', 'Carlos Antônio de Oliveira',
                    'Mary O''Brien']) END AS person,
           pg_temp.pick(h2, ARRAY['Aurora Energia S.A.', 'Telefônica Brasil', 'Construções Atlântico Lda.',
               'Águas do Norte', 'Nordwind GmbH', 'Colégio Santa Clara', 'Imobiliária Horizonte']) AS company
    FROM (
        SELECT i,
               hashint8extended(i, 1) & x'7fffffffffffff'::bigint AS h1,
               hashint8extended(i, 2) & x'7fffffffffffff'::bigint AS h2,
               hashint8extended(i, 3) & x'7fffffffffffff'::bigint AS h3,
               hashint8extended(i, 4) & x'7fffffffffffff'::bigint AS h4
        FROM generate_series(1, %(rows)s::bigint) AS i
        OFFSET 0  -- a fence: flattened, each hash would be worked out again wherever it is used
    ) AS hashed
    OFFSET 0
) AS chosen;
