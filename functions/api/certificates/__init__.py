"""OpenPGP certificates of the receivers of files."""
