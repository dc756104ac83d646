"""What is decided: pure state machines. Standard library only; no clock, no randomness, no I/O, no logging."""
