"""The one tree of errors. An edge raises these; the core never raises (it receives events)."""


class SatelliteError(Exception):
    """Any failure with a message fit for the user: one line, naming what is wrong and where."""


class ConfigError(SatelliteError):
    """The configuration cannot be used. Exit status 78 (EX_CONFIG); the service is not restarted."""


class AudioDeviceError(SatelliteError):
    """A sound device cannot be opened or has stopped. Retried with back-off; the service stays up."""


class LiveRefused(SatelliteError):
    """The Live API will not serve us as configured (key, model, quota). Not retried by itself."""


class LiveLost(SatelliteError):
    """The connection to the Live API failed or ended unexpectedly. Transient: retried with back-off."""


class SpeechError(SatelliteError):
    """Local recognition or synthesis is not available or failed."""
