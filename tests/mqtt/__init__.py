"""Tests of the broker part."""
