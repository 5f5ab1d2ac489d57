SELECT e.event_id AS id,
       e.occurred_at,
       e.actor,
       e.actor_role,
       e.action,
       e.object_type,
       e.object_id,
       e.outcome,
       e.channel,
       host(e.ip_address) AS ip_address,
       e.user_agent,
       e.session_id,
       e.request_id::text AS request_id,
       e.approved_by,
       e.reason,
       e.before,
       e.after
FROM bank.audit_events AS e
WHERE e.tenant_id = %(tenant_id)s
  AND (%(from)s::date IS NULL OR e.occurred_at > (%(from)s::date - 1 + time '23:59:59.999999')::timestamptz)
  AND (%(to)s::date IS NULL OR e.occurred_at <= (%(to)s::date + time '23:59:59.999999')::timestamptz)
  AND (%(actor)s::text IS NULL OR e.actor = %(actor)s)
  AND (%(action)s::text[] IS NULL OR e.action = ANY (%(action)s))
  AND (%(object_type)s::text[] IS NULL OR e.object_type = ANY (%(object_type)s))
  AND (%(object_id)s::text IS NULL OR e.object_id = %(object_id)s)
  AND (%(outcome)s::text[] IS NULL OR e.outcome = ANY (%(outcome)s))
