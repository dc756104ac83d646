"""Tests of the gate, on synthesised speech."""
