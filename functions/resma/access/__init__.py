"""Who may do what, and how much: callers, API keys and quotas."""
