-- What the attempts at a report have used so far, as far as is known (functions/resma/cost.py): a worker that dies takes
-- with it what it has used since its last sign of life, about a second's worth.

ALTER TABLE resma.reports ADD COLUMN spent jsonb;
