-- The demo bank. All values are computed from hashes of the row's number, so the rows are the same on every machine.
-- Parameters: rows, accounts, audit_rows. Statements end with a semicolon and an empty line.

CREATE FUNCTION pg_temp.pick(seed bigint, choices text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN choices[1 + mod(abs(seed), cardinality(choices))];

-- The id of an account by its number, from 0. Ids are unique up to a million accounts.
CREATE FUNCTION pg_temp.account(k bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 'BR' || (1000 + mod(k * 37, 400))::text || '-' || lpad(mod(k * 7919 + 104729, 1000000)::text, 6, '0');

-- The currency of an account.
CREATE FUNCTION pg_temp.currency(k bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN mod(k * 61, 100) < 78 THEN 'BRL' WHEN mod(k * 61, 100) < 90 THEN 'USD' ELSE 'EUR' END;

INSERT INTO bank.accounts (tenant_id, account_id, holder, currency, opened_on)
SELECT 'demo',
       pg_temp.account(k),
       CASE WHEN mod(k, 20) = 0
            THEN pg_temp.pick(h1, ARRAY['Aurora Energia S.A.', 'Construções Atlântico Lda.', 'Nordwind GmbH'])
            ELSE pg_temp.pick(h1, ARRAY['Ana Conceição', 'João Magalhães', 'Márcia Araújo', 'Zoë Müller',
                'Luís Figueiredo', 'Beatriz Gonçalves', 'Carlos Antônio de Oliveira']) END,
       pg_temp.currency(k),
       date '2023-12-29'
FROM (
    SELECT k, hashint8extended(k, 5) & x'7fffffffffffff'::bigint AS h1
    FROM generate_series(0, %(accounts)s::bigint - 1) AS k
) AS hashed;

INSERT INTO bank.transactions (tenant_id, transaction_id, account_id, booked_at, type, status, description,
                               counterparty, currency, amount)
SELECT 'demo',
       i,
       pg_temp.account(account),
       -- Two years from 2024-01-01, evenly spaced, with a random offset within each step.
       timestamptz '2024-01-01 00:00:00+00'
           + make_interval(secs => floor((i - 1) * (731 * 86400.0 / nullif(%(rows)s::bigint, 0)))
                                   + mod(h2, greatest(1, (731 * 86400 / nullif(%(rows)s::bigint, 0))))),
       CASE kind WHEN 'OPENING' THEN 'TRANSFER' ELSE kind END,
       CASE WHEN kind = 'OPENING' OR mod(h1, 1000) < 930 THEN 'BOOKED'
            WHEN mod(h1, 1000) < 960 THEN 'PENDING'
            WHEN mod(h1, 1000) < 985 THEN 'REVERSED'
            ELSE 'DECLINED' END,
       CASE kind
           WHEN 'OPENING' THEN 'Opening deposit'
           WHEN 'CARD' THEN 'Card purchase ' || shop || ' ' || lpad(mod(h2, 10000)::text, 4, '0')
           WHEN 'PIX' THEN 'PIX to ' || person
           WHEN 'TRANSFER' THEN 'Transfer ref. ' || upper(to_hex(mod(h2, 4294967296))) || ' ' || person
           WHEN 'BILL' THEN 'Bill ' || pg_temp.pick(h3, ARRAY['electricity', 'water', 'rent', 'internet', 'school'])
                            || ', "' || to_char(mod(h4, 12) + 1, 'FM00') || '/2024"'
           WHEN 'FEE' THEN 'Account fee, monthly plan'
           WHEN 'SALARY' THEN 'Salary ' || company
           WHEN 'REFUND' THEN 'Refund ' || shop
           ELSE 'Interest on savings' END,
       CASE WHEN kind IN ('FEE', 'INTEREST', 'OPENING') THEN NULL
            WHEN kind IN ('CARD', 'REFUND') THEN shop
            WHEN kind IN ('SALARY', 'BILL') THEN company
            ELSE person END,
       pg_temp.currency(account),
       round(
           CASE kind
               WHEN 'OPENING' THEN 1000 + mod(h4, 2000000) * 0.01
               WHEN 'CARD' THEN -(1 + mod(h4, 40000) * 0.01)
               WHEN 'PIX' THEN -(5 + mod(h4, 120000) * 0.01)
               -- Two of five are credits.
               WHEN 'TRANSFER' THEN (50 + mod(h4, 300000) * 0.01) * CASE WHEN mod(h2 / 100, 5) < 2 THEN 1 ELSE -1 END
               WHEN 'BILL' THEN -(40 + mod(h4, 150000) * 0.01)
               WHEN 'FEE' THEN -(5 + mod(h4, 3000) * 0.01)
               -- Salaries grow over the two years, and December has a thirteenth salary.
               WHEN 'SALARY' THEN (600 + mod(h4, 1000000) * 0.01) * (90 + 20 * i / nullif(%(rows)s::bigint, 0)) / 100
                                  * CASE WHEN mod((i - 1) * 24 / nullif(%(rows)s::bigint, 0), 12) = 11 THEN 1.6 ELSE 1 END
               WHEN 'REFUND' THEN 1 + mod(h4, 40000) * 0.01
               ELSE mod(h4, 9000) * 0.01 END, 2)
FROM (
    SELECT i, h1, h2, h3, h4,
           -- Each account starts with a deposit. The first account is a shop's and has one of a hundred bookings.
           CASE WHEN i <= %(accounts)s::bigint THEN i - 1
                WHEN mod(h3, 100) = 0 THEN 0
                ELSE mod(h3 / 1000, %(accounts)s::bigint) END AS account,
           CASE WHEN i <= %(accounts)s::bigint THEN 'OPENING'
                WHEN mod(h2, 100) < 45 THEN 'CARD'
                WHEN mod(h2, 100) < 70 THEN 'PIX'
                WHEN mod(h2, 100) < 78 THEN 'TRANSFER'
                WHEN mod(h2, 100) < 86 THEN 'BILL'
                WHEN mod(h2, 100) < 90 THEN 'FEE'
                WHEN mod(h2, 100) < 96 THEN 'SALARY'
                WHEN mod(h2, 100) < 98 THEN 'REFUND'
                ELSE 'INTEREST' END AS kind,
           -- One of a thousand is from abroad, in another script.
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

INSERT INTO bank.audit_events (tenant_id, event_id, occurred_at, actor, actor_role, action, object_type, object_id,
                               outcome, channel, ip_address, user_agent, session_id, request_id, approved_by, reason,
                               before, after)
SELECT 'demo',
       i,
       timestamptz '2024-01-01 00:00:00+00'
           + make_interval(secs => floor((i - 1) * (731 * 86400.0 / nullif(%(audit_rows)s::bigint, 0)))
                                   + mod(h2, greatest(1, (731 * 86400 / nullif(%(audit_rows)s::bigint, 0))))),
       pg_temp.pick(h1, ARRAY['ana.conceicao', 'joao.magalhaes', 'marcia.araujo', 'soren.angstrom', 'zoe.mueller',
           'batch-settlement', 'luis.figueiredo']),
       pg_temp.pick(h1, ARRAY['TELLER', 'MANAGER', 'COMPLIANCE', 'ADMIN', 'AUDITOR', 'SERVICE', 'TELLER']),
       action,
       CASE action WHEN 'LOGIN' THEN 'SESSION' WHEN 'LIMIT_CHANGED' THEN 'CARD' WHEN 'ROLE_GRANTED' THEN 'USER'
                   ELSE 'ACCOUNT' END,
       CASE action
           WHEN 'LOGIN' THEN 'S-' || upper(to_hex(mod(h4, 4294967296)))
           WHEN 'LIMIT_CHANGED' THEN 'CARD-' || lpad(mod(h4, 10000)::text, 4, '0')
           WHEN 'ROLE_GRANTED' THEN pg_temp.pick(h3, ARRAY['ana.conceicao', 'marcia.araujo', 'zoe.mueller'])
           ELSE pg_temp.account(mod(h3, %(accounts)s::bigint)) END,
       CASE WHEN mod(h4, 100) < 93 THEN 'SUCCESS' WHEN mod(h4, 100) < 98 THEN 'DENIED' ELSE 'ERROR' END,
       pg_temp.pick(h2, ARRAY['BRANCH', 'WEB', 'MOBILE', 'API']),
       -- IP addresses reserved for documentation (RFC 5737 and RFC 3849).
       CASE WHEN mod(h3, 5) = 0 THEN ('2001:db8::' || to_hex(mod(h4, 65536)))::inet
            ELSE ('203.0.113.' || mod(h4, 254) + 1)::inet END,
       pg_temp.pick(h2, ARRAY[NULL,
           'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
           'BancoAurora/7.3.1 (Android 15; pt-BR)',
           'settlement-client/2.4']),
       lpad(to_hex(h1), 14, '0'),
       md5(i::text)::uuid,
       CASE WHEN action IN ('LIMIT_CHANGED', 'ROLE_GRANTED')
            THEN pg_temp.pick(h4, ARRAY['beatriz.goncalves', 'carlos.oliveira']) END,
       -- One word to several paragraphs.
       CASE mod(h4, 10)
           WHEN 0 THEN NULL
           WHEN 1 THEN repeat('The customer came to the branch with an identity card and the signed form; both were '
                              || 'compared with the copies on file, and the request was read back before it was '
                              || 'entered. ', 1 + mod(h3, 4)::integer)
                       || E'\nSegunda via entregue ao cliente; a gerência da agência foi avisada por escrito.'
           WHEN 2 THEN 'Alteração pedida pelo titular através do canal seguro, com confirmação por SMS e por telefone.'
           ELSE 'Requested by the customer' END,
       CASE action
           WHEN 'LIMIT_CHANGED' THEN jsonb_build_object('daily_limit', mod(h2, 50) * 100, 'currency', 'BRL')
           WHEN 'ADDRESS_CHANGED' THEN jsonb_build_object('street', 'Rua das Flores, 12', 'city', 'São Paulo')
           WHEN 'ROLE_GRANTED' THEN '{"roles": ["TELLER"]}'::jsonb END,
       CASE action
           WHEN 'LIMIT_CHANGED' THEN jsonb_build_object('daily_limit', mod(h3, 90) * 100, 'currency', 'BRL')
           WHEN 'ADDRESS_CHANGED' THEN jsonb_build_object('street', 'Avenida "Atlântica", ' || mod(h4, 900),
                                                          'city', 'Rio de Janeiro', 'zip', NULL)
           WHEN 'ROLE_GRANTED' THEN '{"roles": ["TELLER", "MANAGER"], "until": "2025-12-31"}'::jsonb
           WHEN 'LOGIN' THEN '{"method": "password, one-time code"}'::jsonb END
FROM (
    SELECT i, h1, h2, h3, h4,
           pg_temp.pick(h3 / 1000, ARRAY['LOGIN', 'LOGIN', 'ACCOUNT_VIEWED', 'ACCOUNT_VIEWED', 'LIMIT_CHANGED',
               'ADDRESS_CHANGED', 'ROLE_GRANTED']) AS action
    FROM (
        SELECT i,
               hashint8extended(i, 11) & x'7fffffffffffff'::bigint AS h1,
               hashint8extended(i, 12) & x'7fffffffffffff'::bigint AS h2,
               hashint8extended(i, 13) & x'7fffffffffffff'::bigint AS h3,
               hashint8extended(i, 14) & x'7fffffffffffff'::bigint AS h4
        FROM generate_series(1, %(audit_rows)s::bigint) AS i
        OFFSET 0
    ) AS hashed
    OFFSET 0
) AS chosen;
