-- Records are deleted by age (RecordRetentionDays of the template): each index is what the scheduler finds them by.

CREATE INDEX reports_by_end ON resma.reports (finished_at) WHERE swept_at IS NOT NULL AND status <> 'READY';
CREATE INDEX download_links_by_age ON resma.download_links (minted_at);
CREATE INDEX row_counts_by_age ON resma.row_counts (day);

GRANT DELETE ON resma.reports TO resma_system;
GRANT SELECT, DELETE ON resma.download_links TO resma_system;
GRANT DELETE ON resma.row_counts TO resma_system;
