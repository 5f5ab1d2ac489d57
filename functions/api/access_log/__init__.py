"""Access log of a report: who requested, downloaded, cancelled, retried and deleted it, and where webhooks went."""
