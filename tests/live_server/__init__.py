"""Tests of the embedded Live server, but for its assistant."""
