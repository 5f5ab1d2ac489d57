"""The OpenAPI document: the one that powertools generates, changed so that people and client generators can use it."""
