"""Files of split reports: downloads, and verification against the manifest."""
