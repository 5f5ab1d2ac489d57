"""Settings of a catalog: resma.toml with its tables, and what the catalog in use has set."""
