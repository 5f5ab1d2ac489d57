"""What `resma doctor` looks at: small checks, each of which says what is wrong and how to mend it."""
