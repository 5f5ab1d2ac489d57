"""Text: widths, shaping, line breaks, and strings for content streams."""
