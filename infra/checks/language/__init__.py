"""Search for the words of stop_list.toml, which STYLE.md replaces by standard terms."""
