"""Reading of split reports: division of the keys into shards, and a part for each key."""
