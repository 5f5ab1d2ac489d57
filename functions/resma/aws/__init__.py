"""AWS: clients, what requests cost, metrics and traces."""
