"""Tests of the simulated room, on simulated time."""
