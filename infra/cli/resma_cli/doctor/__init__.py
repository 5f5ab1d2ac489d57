"""The checks of `resma doctor`. Each finding has a message and says how to fix the problem."""
