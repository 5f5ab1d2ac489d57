-- The access log: who requested, downloaded, cancelled, retried and deleted reports, and where webhooks sent them. It is a
-- view of the records that exist anyway.

-- Version of the endpoint's secret that signed the attempt; NULL for attempts before this column.
ALTER TABLE resma.webhook_attempts ADD COLUMN secret_version integer;

-- The view has the rights of its owner, because resma_app may insert download links and not read them. Therefore it has
-- the condition of the tenant itself, and is a security barrier: no condition of a query runs before it. (A view with the
-- rights of its reader, security_invoker, needs PostgreSQL 15.)
CREATE VIEW resma.access_log WITH (security_barrier = true) AS
SELECT log.tenant_id,
       log.report_id,
       -- Unique in its tenant.
       log.entry_id,
       log.occurred_at,
       log.action,
       -- NULL for reports that were requested before requesters were recorded.
       log.subject,
       split_part(log.subject, ':', 1) AS caller_kind,
       k.key_id,
       k.name AS key_name,
       log.ip_address,
       coalesce(r.type, d.type) AS report_type,
       log.format,
       log.object_key,
       log.link_expires_at,
       log.endpoint_id,
       log.url,
       log.secret_version,
       log.status_code,
       log.outcome,
       log.detail
FROM (
    SELECT tenant_id, report_id, 'request:' || report_id AS entry_id, created_at AS occurred_at, 'REQUESTED' AS action,
           requested_by AS subject, NULL::text AS ip_address, array_to_string(formats, ', ') AS format,
           NULL::text AS object_key, NULL::timestamptz AS link_expires_at, NULL::text AS endpoint_id, NULL::text AS url,
           NULL::integer AS secret_version, NULL::integer AS status_code, 'SUCCEEDED' AS outcome, NULL::text AS detail
    FROM resma.reports
    UNION ALL
    SELECT tenant_id, report_id, 'run:' || schedule_id || ':' || extract(epoch FROM scheduled_for), started_at,
           'RUN_STARTED', started_by, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'SUCCEEDED',
           'schedule:' || schedule_id
    FROM resma.schedule_runs WHERE report_id IS NOT NULL AND started_by IS NOT NULL
    UNION ALL
    SELECT tenant_id, report_id, 'cancel:' || report_id, finished_at, 'CANCELLED', cancelled_by, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, NULL, 'SUCCEEDED', NULL
    FROM resma.reports WHERE status = 'CANCELLED'
    UNION ALL
    SELECT tenant_id, report_id, 'redrive:' || report_id || ':' || redrive, redriven_at, 'REDRIVEN', redriven_by, NULL,
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'SUCCEEDED', reason
    FROM resma.redrives
    UNION ALL
    SELECT tenant_id, report_id, 'link:' || link_id, minted_at, 'LINK_CREATED', subject, address, format, object_key,
           expires_at, NULL, NULL, NULL, NULL, 'SUCCEEDED', NULL
    FROM resma.download_links
    UNION ALL
    SELECT e.tenant_id, e.report_id, 'attempt:' || a.event_id || ':' || a.endpoint_id || ':' || a.attempt, a.started_at,
           'WEBHOOK_SENT', 'webhook:' || a.endpoint_id, NULL, NULL, NULL, NULL, a.endpoint_id,
           -- The query may contain a token of the receiver.
           regexp_replace(a.url, '[?].*$', '?'), a.secret_version, a.status_code,
           CASE WHEN a.status_code BETWEEN 200 AND 299 THEN 'SUCCEEDED'
                WHEN a.status_code IS NULL AND a.error IS NULL THEN 'PENDING'
                ELSE 'FAILED' END,
           a.error
    FROM resma.events AS e
    JOIN resma.webhook_attempts AS a ON a.tenant_id = e.tenant_id AND a.event_id = e.event_id
    UNION ALL
    SELECT e.tenant_id, e.report_id,
           'replay:' || p.event_id || ':' || p.endpoint_id || ':' || extract(epoch FROM p.requested_at), p.requested_at,
           'WEBHOOK_REPLAYED', p.requested_by, p.requested_from, NULL, NULL, NULL, p.endpoint_id, NULL, NULL, NULL,
           'SUCCEEDED', NULL
    FROM resma.events AS e
    JOIN resma.webhook_replays AS p ON p.tenant_id = e.tenant_id AND p.event_id = e.event_id
    UNION ALL
    SELECT tenant_id, report_id, 'request:' || report_id, created_at, 'REQUESTED', NULL, NULL, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, 'SUCCEEDED', NULL
    FROM resma.deleted_reports
    UNION ALL
    SELECT tenant_id, report_id, 'delete:' || report_id, deleted_at, 'DELETED', deleted_by, deleted_from, NULL, NULL,
           NULL, NULL, NULL, NULL, NULL, 'SUCCEEDED', NULL
    FROM resma.deleted_reports
) AS log
LEFT JOIN resma.reports AS r ON r.tenant_id = log.tenant_id AND r.report_id = log.report_id
LEFT JOIN resma.deleted_reports AS d ON d.tenant_id = log.tenant_id AND d.report_id = log.report_id
LEFT JOIN resma.api_keys AS k ON k.tenant_id = log.tenant_id AND 'key:' || k.key_id = log.subject
WHERE log.tenant_id = (SELECT current_setting('resma.tenant_id', true));

GRANT SELECT ON resma.access_log TO resma_app;
