"""Measurements: run by hand, each says what it compares and with what bar."""
