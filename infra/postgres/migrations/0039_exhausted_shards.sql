-- Shards of split reports that failed although another attempt may succeed: transient errors used up their attempts.
-- A report whose failed shards are all of this kind is a dead letter.

ALTER TABLE resma.shards ADD COLUMN is_exhausted boolean NOT NULL DEFAULT false;
