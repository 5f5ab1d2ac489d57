SELECT i AS id,
       md5(i::text)::uuid AS key,
       CASE WHEN i %% 5 > 0 THEN i %% 2 = 0 END AS is_open,
       CASE i %% 50 WHEN 0 THEN 'NaN' WHEN 1 THEN NULL ELSE (i %% 3) / 7.0 END::float8 AS ratio,
       (i / 4.0)::real AS freight,
       timestamp '2024-03-31 02:30' + i %% 3 * interval '1 day' AS local_at,
       time '07:30' + i * interval '1 second' AS opens,
       i * interval '1 hour 1 second' AS lasts,
       decode(md5(i::text), 'hex') AS photo,
       ARRAY['a', i::text] AS tags,
       '10.0.0.0'::inet + i AS address
FROM generate_series(1, 300) AS i
WHERE %(tenant_id)s::text IS NOT NULL
