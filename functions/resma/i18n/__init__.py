"""Languages and countries: formats of numbers and dates, translations, time zones."""
