"""Dead letters: /api/v1/dead-letters."""
