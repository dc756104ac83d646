"""Is it speech, is it for us, since when, is it over. Counts samples, reads no clock."""
