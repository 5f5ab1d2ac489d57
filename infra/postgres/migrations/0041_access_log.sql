-- The access log: who requested, downloaded, cancelled, retried and deleted reports, who held them, and where webhooks and
-- destinations sent them. It is a view of the records that exist anyway, and of what became of messages by e-mail.

ALTER TABLE resma.reports
    -- Fingerprints of the certificates of `encrypt_for`, which may be deleted later; NULL like `signed_by`.
    ADD COLUMN encrypted_for  text[];
UPDATE resma.reports AS r
SET encrypted_for = (SELECT array_agg(DISTINCT c.fingerprint ORDER BY c.fingerprint) FROM resma.certificates AS c
                     WHERE c.tenant_id = r.tenant_id AND c.certificate_id = ANY (r.encrypt_for))
WHERE r.encrypt_for IS NOT NULL AND r.attempt > 0;

-- Each change of resma.delivery_recipients, so that a retry or replay does not remove who got a message before.
CREATE TABLE resma.delivery_recipient_log (
    tenant_id     text NOT NULL,
    delivery_id   text NOT NULL,
    entry         bigint GENERATED ALWAYS AS IDENTITY,
    address       text NOT NULL,
    -- As in resma.delivery_recipients.
    status        text NOT NULL,
    detail        text,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, delivery_id, entry),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES resma.file_deliveries ON DELETE CASCADE
);
ALTER TABLE resma.delivery_recipient_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON resma.delivery_recipient_log TO resma_app
    USING (tenant_id = (SELECT current_setting('resma.tenant_id', true)));
CREATE POLICY all_tenants ON resma.delivery_recipient_log TO resma_system USING (true);
GRANT SELECT, INSERT ON resma.delivery_recipient_log TO resma_app;
INSERT INTO resma.delivery_recipient_log (tenant_id, delivery_id, address, status, detail, recorded_at)
SELECT tenant_id, delivery_id, address, status, detail, updated_at FROM resma.delivery_recipients;

-- The view has the rights of its owner, because resma_app may insert download links and not read them. Therefore it has
-- the condition of the tenant itself, and is a security barrier: no condition of a query runs before it. (A view with the
-- rights of its reader, security_invoker, needs PostgreSQL 15.)
CREATE OR REPLACE VIEW resma.access_log WITH (security_barrier = true) AS
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
       log.detail,
       -- The key of the report's files in Resma's bucket. NULL: the encryption of the bucket, or the report was deleted.
       r.kms_key,
       -- NULL if the report was deleted.
       CASE WHEN r.report_id IS NOT NULL THEN r.pdf_key IS NOT NULL END AS pdf_encrypted,
       log.destination_id,
       -- NULL if the destination was deleted.
       t.name AS destination_name,
       log.file_name,
       log.error_code,
       log.recipient,
       -- Keys of OpenPGP. NULL if the report was deleted, or its files are not encrypted or signed.
       r.encrypted_for,
       r.signed_by
FROM (
    SELECT tenant_id, report_id, 'request:' || report_id AS entry_id, created_at AS occurred_at, 'REQUESTED' AS action,
           requested_by AS subject, NULL::text AS ip_address, array_to_string(formats, ', ') AS format,
           NULL::text AS object_key, NULL::timestamptz AS link_expires_at, NULL::text AS endpoint_id, NULL::text AS url,
           NULL::integer AS secret_version, NULL::integer AS status_code, 'SUCCEEDED' AS outcome, NULL::text AS detail,
           NULL::text AS destination_id, NULL::text AS file_name, NULL::text AS error_code, NULL::text AS recipient
    FROM resma.reports
    UNION ALL
    SELECT tenant_id, report_id, 'run:' || schedule_id || ':' || extract(epoch FROM scheduled_for), started_at,
           'RUN_STARTED', started_by, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'SUCCEEDED',
           'schedule:' || schedule_id, NULL, NULL, NULL, NULL
    FROM resma.schedule_runs WHERE report_id IS NOT NULL AND started_by IS NOT NULL
    UNION ALL
    SELECT tenant_id, report_id, 'cancel:' || report_id, finished_at, 'CANCELLED', cancelled_by, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, NULL, 'SUCCEEDED', NULL, NULL, NULL, NULL, NULL
    FROM resma.reports WHERE status = 'CANCELLED'
    UNION ALL
    SELECT tenant_id, report_id, 'redrive:' || report_id || ':' || redrive, redriven_at, 'REDRIVEN', redriven_by, NULL,
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'SUCCEEDED', reason, NULL, NULL, NULL, NULL
    FROM resma.redrives
    UNION ALL
    SELECT tenant_id, report_id, 'link:' || link_id, minted_at, 'LINK_CREATED', subject, address, format, object_key,
           expires_at, NULL, NULL, NULL, NULL, 'SUCCEEDED', NULL, NULL, NULL, NULL, NULL
    FROM resma.download_links
    UNION ALL
    SELECT e.tenant_id, e.report_id, 'attempt:' || a.event_id || ':' || a.endpoint_id || ':' || a.attempt, a.started_at,
           'WEBHOOK_SENT', 'webhook:' || a.endpoint_id, NULL, NULL, NULL, NULL, a.endpoint_id,
           -- The query may contain a token of the receiver.
           regexp_replace(a.url, '[?].*$', '?'), a.secret_version, a.status_code,
           CASE WHEN a.status_code BETWEEN 200 AND 299 THEN 'SUCCEEDED'
                WHEN a.status_code IS NULL AND a.error IS NULL THEN 'PENDING'
                ELSE 'FAILED' END,
           a.error, NULL, NULL, NULL, NULL
    FROM resma.events AS e
    JOIN resma.webhook_attempts AS a ON a.tenant_id = e.tenant_id AND a.event_id = e.event_id
    UNION ALL
    SELECT e.tenant_id, e.report_id,
           'replay:' || p.event_id || ':' || p.endpoint_id || ':' || extract(epoch FROM p.requested_at), p.requested_at,
           'WEBHOOK_REPLAYED', p.requested_by, p.requested_from, NULL, NULL, NULL, p.endpoint_id, NULL, NULL, NULL,
           'SUCCEEDED', NULL, NULL, NULL, NULL, NULL
    FROM resma.events AS e
    JOIN resma.webhook_replays AS p ON p.tenant_id = e.tenant_id AND p.event_id = e.event_id
    UNION ALL
    SELECT tenant_id, report_id, 'request:' || report_id, created_at, 'REQUESTED', NULL, NULL, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, 'SUCCEEDED', NULL, NULL, NULL, NULL, NULL
    FROM resma.deleted_reports
    UNION ALL
    SELECT tenant_id, report_id, 'delete:' || report_id, deleted_at, 'DELETED', deleted_by, deleted_from, NULL, NULL,
           NULL, NULL, NULL, NULL, NULL, 'SUCCEEDED', NULL, NULL, NULL, NULL, NULL
    FROM resma.deleted_reports
    UNION ALL
    SELECT tenant_id, report_id, 'hold:' || hold_id, placed_at, 'HOLD_PLACED', placed_by, placed_from, NULL, NULL, NULL,
           NULL, NULL, NULL, NULL, 'SUCCEEDED', reason, NULL, NULL, NULL, NULL
    FROM resma.holds
    UNION ALL
    SELECT tenant_id, report_id, 'release:' || hold_id, released_at, 'HOLD_RELEASED', released_by, released_from, NULL,
           NULL, NULL, NULL, NULL, NULL, NULL, 'SUCCEEDED', reason, NULL, NULL, NULL, NULL
    FROM resma.holds WHERE released_at IS NOT NULL
    UNION ALL
    SELECT tenant_id, report_id, 'files:' || report_id, files_deleted_at, 'FILES_DELETED', files_deleted_by,
           files_deleted_from, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'SUCCEEDED', NULL, NULL, NULL, NULL, NULL
    FROM resma.reports WHERE files_deleted_at IS NOT NULL
    UNION ALL
    SELECT d.tenant_id, d.report_id, 'delivery:' || a.delivery_id || ':' || a.attempt, a.started_at,
           'DELIVERY_ATTEMPTED', 'destination:' || d.destination_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           CASE a.outcome WHEN 'DELIVERED' THEN 'SUCCEEDED' ELSE coalesce(a.outcome, 'PENDING') END,
           a.error_detail, d.destination_id, NULL, a.error_code, NULL
    FROM resma.file_deliveries AS d
    JOIN resma.file_delivery_attempts AS a ON a.tenant_id = d.tenant_id AND a.delivery_id = d.delivery_id
    -- Deliveries of test files have no report.
    WHERE d.report_id IS NOT NULL
    UNION ALL
    SELECT d.tenant_id, d.report_id, 'file:' || f.delivery_id || ':' || f.position, f.first_delivered_at,
           'FILE_DELIVERED', 'destination:' || d.destination_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           'SUCCEEDED', NULL, d.destination_id, f.name, NULL, NULL
    FROM resma.file_deliveries AS d
    JOIN resma.delivered_files AS f ON f.tenant_id = d.tenant_id AND f.delivery_id = d.delivery_id
    WHERE d.report_id IS NOT NULL AND f.first_delivered_at IS NOT NULL
    UNION ALL
    SELECT d.tenant_id, d.report_id, 'redelivery:' || p.delivery_id || ':' || extract(epoch FROM p.requested_at),
           p.requested_at, 'DELIVERY_REPLAYED', p.requested_by, p.requested_from, NULL, NULL, NULL, NULL, NULL, NULL,
           NULL, 'SUCCEEDED', NULL, d.destination_id, NULL, NULL, NULL
    FROM resma.file_deliveries AS d
    JOIN resma.file_delivery_replays AS p ON p.tenant_id = d.tenant_id AND p.delivery_id = d.delivery_id
    WHERE d.report_id IS NOT NULL
    UNION ALL
    SELECT d.tenant_id, d.report_id, 'mail:' || m.delivery_id || ':' || m.entry, m.recorded_at,
           CASE WHEN m.status IN ('BOUNCED', 'COMPLAINED') THEN 'EMAIL_REPORTED' ELSE 'EMAIL_SENT' END,
           'destination:' || d.destination_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           CASE m.status WHEN 'ACCEPTED' THEN 'SUCCEEDED' ELSE 'FAILED' END,
           nullif(concat_ws(': ', nullif(m.status, 'ACCEPTED'), m.detail), ''), d.destination_id, NULL, NULL, m.address
    FROM resma.file_deliveries AS d
    JOIN resma.delivery_recipient_log AS m ON m.tenant_id = d.tenant_id AND m.delivery_id = d.delivery_id
    WHERE d.report_id IS NOT NULL
) AS log
LEFT JOIN resma.reports AS r ON r.tenant_id = log.tenant_id AND r.report_id = log.report_id
LEFT JOIN resma.deleted_reports AS d ON d.tenant_id = log.tenant_id AND d.report_id = log.report_id
LEFT JOIN resma.api_keys AS k ON k.tenant_id = log.tenant_id AND 'key:' || k.key_id = log.subject
LEFT JOIN resma.destinations AS t ON t.tenant_id = log.tenant_id AND t.destination_id = log.destination_id
WHERE log.tenant_id = (SELECT current_setting('resma.tenant_id', true));

GRANT SELECT ON resma.access_log TO resma_app;
