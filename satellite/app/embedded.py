"""The embedded Live server in place of the configured Live API: with a key of its own, and nothing that costs."""

from pydantic import SecretStr

from satellite.live.models import known_family
from satellite.live_server.server import LiveServer
from satellite.settings import LiveSettings, Settings, TokenSettings


class EmbeddedServer:
    """Runs while it is entered; gives the settings that lead to it. Raises SpeechError and OSError at its start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # any free port: `satellite serve` may be running on the configured one
        self._server = LiveServer(settings.server.model_copy(update={"host": "127.0.0.1", "port": 0}))

    async def start(self) -> Settings:
        """Listen; the settings with the server in place."""
        port = await self._server.start()
        live = self._settings.live
        embedded = live.model_copy(
            update={
                "base_url": f"http://127.0.0.1:{port}",
                "api_key": SecretStr(self._settings.server.api_key.get_secret_value() or "embedded"),
                "token": TokenSettings(timeout_ms=live.token.timeout_ms),
                # what a model takes is configured with it; one that nobody knows is treated like the newest anyway
                "model": live.model if known_family(live.model) else LiveSettings().model,
            }
        )
        return self._settings.model_copy(update={"live": embedded})

    async def stop(self) -> None:
        """Close all connections, and listen no more."""
        await self._server.close()

    async def __aenter__(self) -> Settings:
        try:
            return await self.start()
        except BaseException:
            await self.stop()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
