"""Tests of the link: the pure protocol, and the client against a real server on simulated time."""
