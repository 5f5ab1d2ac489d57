-- Events go to the bus of EventBridge too. Each destination has its own mark, so that one that is away does not double
-- what the other gets.

ALTER TABLE resma.events ADD COLUMN put_on_bus_at timestamptz;

-- What was told before there was a bus is not told again.
UPDATE resma.events SET put_on_bus_at = published_at;

CREATE INDEX events_not_on_bus ON resma.events (created_at) WHERE put_on_bus_at IS NULL;
