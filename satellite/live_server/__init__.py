"""The embedded Live server: the Live API from the other end, with a small local assistant behind it."""
