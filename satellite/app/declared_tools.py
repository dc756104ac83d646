"""What the model would be told of tools, without running a satellite: for checking and for locking a setup."""

from datetime import datetime

from satellite.core.declarations import ToolDeclaration
from satellite.settings import ToolSettings
from satellite.tools.builtin import builtin_tools
from satellite.tools.functions import configured_functions
from satellite.tools.registry import ToolRegistry


def declared_tools(settings: ToolSettings) -> tuple[ToolDeclaration, ...]:
    """The satellite's own and the configured ones. ConfigError for one that cannot be used."""
    builtin = builtin_tools(
        lambda event: None, volume_percent=lambda: 0, now=lambda: datetime.now().astimezone(), settings=settings
    )
    return ToolRegistry(builtin, configured_functions(settings)).declarations
