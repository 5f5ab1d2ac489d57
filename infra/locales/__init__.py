"""Locale data of the functions, generated from the Unicode CLDR."""
