"""What Resma runs on: the database's migrations, and the stack on one's own machine."""
