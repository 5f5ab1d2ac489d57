"""The OpenAPI document: what powertools writes of the routes, in a form that people and client generators can use."""
