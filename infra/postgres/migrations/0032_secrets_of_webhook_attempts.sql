-- Which secret of an endpoint signed a webhook, for the access log.

-- Version of the endpoint's secret that signed the attempt; NULL for attempts before this column.
ALTER TABLE resma.webhook_attempts ADD COLUMN secret_version integer;
