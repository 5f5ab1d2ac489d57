"""AWS: clients, costs of requests, metrics and traces."""
