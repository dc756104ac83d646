"""Wires and drives: configuration, daemon, dispatch loop, clock, systemd, health, trace, logging."""
