"""Tests of satellite.core: conversations as scripts, every command watched."""
