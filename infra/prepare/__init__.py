"""`resma aws prepare`: prepares a database, secrets and samconfig.toml for a deployment to AWS."""
