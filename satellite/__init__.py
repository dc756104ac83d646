"""The voice satellite: a room device that listens, converses over a Live API session, and shows it on MQTT."""

__version__ = "0.1.0"
