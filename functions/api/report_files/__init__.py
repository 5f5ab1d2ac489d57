"""The files of split reports: one for each key in each format."""
