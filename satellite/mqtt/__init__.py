"""The broker: what the satellite publishes on MQTT, the commands it takes, and the connection itself."""
