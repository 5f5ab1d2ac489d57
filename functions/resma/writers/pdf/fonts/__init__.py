"""Fonts: which one has a character, its codes, and embedding."""
