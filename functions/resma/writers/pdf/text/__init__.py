"""Text: widths, shaping, line breaks, and strings of content streams."""
