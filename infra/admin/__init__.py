"""Commands of operators: tenants, keys and dead letters."""
