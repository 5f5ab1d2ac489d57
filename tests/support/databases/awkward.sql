-- Ordinary tables that are awkward for a report: every type, name and key. All data are invented.
-- It needs Postgres 15 or newer (security_invoker), and no extension.
CREATE SCHEMA odd;
CREATE TYPE odd.mood AS ENUM ('happy', 'it''s fine', '100 %');
CREATE TYPE odd.address AS (street text, "house number" text);
CREATE DOMAIN odd.positive AS numeric(18, 4) CHECK (VALUE > 0);

CREATE TABLE odd.numbers (
    id uuid PRIMARY KEY, small smallint, whole integer, big bigint, exact numeric, priced numeric(12, 3), cash money,
    single real, "double" double precision, price odd.positive, object oid
);
INSERT INTO odd.numbers
SELECT md5(i::text)::uuid, i, i * 1000, i * 10000000000, i / 7.0, i * 1.125, (i * 1.5)::numeric::money,
       CASE i WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' ELSE (i * 0.1)::real END,
       CASE i WHEN 1 THEN '-Infinity' ELSE 0.3333333333333333 * i END, i + 1.5, i
FROM generate_series(0, 39) AS i;

CREATE TABLE odd.times (
    id uuid PRIMARY KEY, day date, at timestamptz, local_at timestamp(3), clock time, clock_zone timetz, span interval,
    range daterange, ranges tstzrange
);
INSERT INTO odd.times
SELECT md5(i::text)::uuid, date '2024-02-29' + i, timestamptz '2024-03-31 00:30:00+00' + i * interval '1 hour',
       timestamp '2024-03-31 02:30:00.123' + i * interval '1 hour', time '23:59:59.5' - i * interval '1 minute',
       timetz '10:00:00+02', i * interval '1 day 2 hours 3.5 seconds' + interval '1 month',
       daterange(date '2024-01-01', date '2024-01-01' + i + 1), tstzrange('2024-01-01', NULL)
FROM generate_series(0, 39) AS i;

CREATE TABLE odd.values (
    id uuid PRIMARY KEY, created_on date NOT NULL, flag boolean, mood odd.mood, bits bit(4), bytes bytea, doc json,
    docb jsonb, words text[], numbers integer[], home odd.address
);
INSERT INTO odd.values
SELECT md5(i::text)::uuid, date '2024-02-29' + i, CASE i % 3 WHEN 0 THEN NULL ELSE i % 3 = 1 END,
       (ARRAY['happy', 'it''s fine', '100 %'])[1 + i % 3]::odd.mood, B'1010', decode(md5(i::text), 'hex'),
       json_build_object('i', i, 'text', 'a "b"'), jsonb_build_object('list', ARRAY[i, i + 1]),
       ARRAY['a', 'b "q"', NULL, 'c,d'], ARRAY[i, NULL], ROW('Main "St"', i)::odd.address
FROM generate_series(0, 39) AS i;

CREATE TABLE odd.printed (
    id uuid PRIMARY KEY, fixed char(4), host inet, net cidr, mac macaddr, spot point, vector tsvector, row_name name,
    code "char"
);
INSERT INTO odd.printed
SELECT md5(i::text)::uuid, 'ab', '192.0.2.1', '192.0.2.0/24', '08:00:2b:01:02:03', point(i, 1.5),
       to_tsvector('simple', 'one two'), 'name', 'c'
FROM generate_series(0, 39) AS i;

CREATE TABLE odd.wide (id integer PRIMARY KEY);
DO $$ BEGIN
    FOR i IN 1..41 LOOP EXECUTE format('ALTER TABLE odd.wide ADD COLUMN value_%s text', i); END LOOP;
END $$;
INSERT INTO odd.wide (id, value_1) SELECT i, 'x' FROM generate_series(1, 40) AS i;

CREATE TABLE odd."Order Details" (
    "Order Date" date NOT NULL, "MixedCase" integer NOT NULL, "order" text, "user" text, "discount %" numeric(5, 2),
    "price (€)" numeric(10, 2), "select" integer, "Größe" text, "a""quote" text, UNIQUE ("MixedCase")
);
COMMENT ON COLUMN odd."Order Details"."order" IS 'The number that the customer sees, which is printed on each parcel.';
COMMENT ON COLUMN odd."Order Details"."user" IS 'Clerk';
INSERT INTO odd."Order Details"
SELECT date '2024-01-01' + i, i, 'o' || i, 'u' || i, i % 30, i * 1.1, i, 'XL', 'q' FROM generate_series(1, 40) AS i;

CREATE TABLE odd.no_key (day date, word text, number integer, shape point, doc json);
INSERT INTO odd.no_key SELECT '2024-01-01', 'same', 1, point(1, 2), '{}' FROM generate_series(1, 50);

CREATE TABLE odd.nullable_key (code text UNIQUE, amount numeric(10, 2));
INSERT INTO odd.nullable_key SELECT CASE WHEN i % 10 > 0 THEN 'c' || i END, i FROM generate_series(1, 50) AS i;

CREATE TABLE odd.two_keys (
    a integer, b integer, c integer NOT NULL, made_at timestamptz NOT NULL DEFAULT now(), EXCLUDE USING btree (c WITH =)
);
CREATE UNIQUE INDEX ON odd.two_keys (a) WHERE b > 0;
CREATE UNIQUE INDEX ON odd.two_keys (lower(b::text));
CREATE UNIQUE INDEX ON odd.two_keys (c) INCLUDE (a);
INSERT INTO odd.two_keys SELECT i, i, i, timestamptz '2024-01-01 00:00+00' + i * interval '1 day' FROM generate_series(1, 40) AS i;

CREATE TABLE odd.measurements (sensor integer, taken_at timestamptz NOT NULL, value double precision, PRIMARY KEY (taken_at, sensor))
PARTITION BY RANGE (taken_at);
CREATE TABLE odd.measurements_2024 PARTITION OF odd.measurements FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE odd.measurements_rest PARTITION OF odd.measurements DEFAULT;
INSERT INTO odd.measurements
SELECT i % 4, timestamptz '2023-12-30 00:00+00' + i * interval '5 hours', sin(i) FROM generate_series(1, 300) AS i;

CREATE VIEW odd.measured AS SELECT sensor, taken_at, value, value > 0 AS is_positive FROM odd.measurements;
CREATE VIEW odd.measured_by_reader WITH (security_invoker) AS SELECT * FROM odd.measurements;
CREATE MATERIALIZED VIEW odd.daily AS SELECT sensor, taken_at::date AS day, count(*) AS n FROM odd.measurements GROUP BY 1, 2;
CREATE UNIQUE INDEX ON odd.daily (day, sensor);

CREATE TABLE odd.generated (
    id integer PRIMARY KEY, net numeric(10, 2) NOT NULL, tax numeric(10, 2) GENERATED ALWAYS AS (round(net * 0.19, 2)) STORED
);
INSERT INTO odd.generated (id, net) SELECT i, i * 1.07 FROM generate_series(1, 40) AS i;

CREATE TABLE odd.empty (id integer PRIMARY KEY, made_on date NOT NULL);

CREATE TABLE odd.a_name_of_exactly_sixty_three_characters_is_the_longest_allowed (
    an_id_of_exactly_sixty_three_characters_is_the_longest_possible integer PRIMARY KEY,
    another_column_whose_name_is_as_long_as_a_name_in_postgres_goes text
);
INSERT INTO odd.a_name_of_exactly_sixty_three_characters_is_the_longest_allowed
SELECT i, 'x' || i FROM generate_series(1, 40) AS i;

CREATE TABLE odd.only_json (doc json);
INSERT INTO odd.only_json VALUES ('{"a": 1}');

CREATE TABLE odd.deep_numbers (id integer PRIMARY KEY, ratio numeric);
INSERT INTO odd.deep_numbers SELECT i, 1 / (i + 6.0) * 10 ^ -i FROM generate_series(1, 40) AS i;
