"""The one tree of errors. An edge raises these; the core never raises (it receives events).

The Live API's failures are events, not errors: SessionLost and SessionRefused (live/close_reasons.py splits them).
"""


class SatelliteError(Exception):
    """Any failure with a message fit for the user: one line, naming what is wrong and where."""


class ConfigError(SatelliteError):
    """The configuration cannot be used. Exit status 78 (EX_CONFIG); the service is not restarted."""


class AudioDeviceError(SatelliteError):
    """A sound device cannot be opened or has stopped. Retried with back-off; the service stays up."""


class SpeechError(SatelliteError):
    """Local recognition or synthesis is not available or failed."""


class CredentialError(SatelliteError):
    """No credentials for the Live API. `fatal`: trying again will not help before somebody changes something."""

    def __init__(self, message: str, *, fatal: bool) -> None:
        super().__init__(message)
        self.fatal = fatal


class StoreError(SatelliteError):
    """The database cannot be opened or written; the satellite goes on without a memory."""
