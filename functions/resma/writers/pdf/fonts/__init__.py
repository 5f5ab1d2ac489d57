"""Fonts: search for a font that has a character, codes of glyphs, and embedding."""
