"""Keys of encrypted files: made from passwords, and sealed with the key of the deployment."""
