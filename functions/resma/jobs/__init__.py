"""The life of a report: its row, its claim by a worker, its end, and its message in the queue."""
