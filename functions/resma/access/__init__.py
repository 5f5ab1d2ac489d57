"""Access control: callers, API keys, scopes and quotas."""
