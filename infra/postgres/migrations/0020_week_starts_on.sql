-- The first day of a schedule's weeks; null is the day that is usual for the locale of its request.

ALTER TABLE resma.schedules
    ADD COLUMN week_starts_on text CHECK (week_starts_on IN ('monday', 'saturday', 'sunday'));
