"""Access log of a report: who did what with it, and where its files and webhooks went."""
