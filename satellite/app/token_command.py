"""`satellite token mint`: an ephemeral token for a device that is not to hold the key.

Standard output gets the token (with --json, what is known of it) and nothing else.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from satellite.core.declarations import ToolDeclaration
from satellite.live.endpoints import endpoint_of
from satellite.live.instruction import fill, read_instruction
from satellite.live.models import family_of
from satellite.live.setup import encode_setup, session_setup
from satellite.live.tokens import TokenOrder, lockable, mint
from satellite.settings import ActivityMode, Settings

WRONG_USAGE = 2


def mint_token(arguments: argparse.Namespace, settings: Settings, tools: Sequence[ToolDeclaration]) -> int:
    """Mint one and print it; the exit status. ConfigError and SatelliteError when there is none to be had."""
    locks = arguments.lock or arguments.lock_field is not None
    try:
        fields = None if arguments.lock_field is None else [lockable(name) for name in arguments.lock_field]
        order = TokenOrder(
            uses=arguments.uses,
            expires_in_s=arguments.expires_in,
            start_within_s=arguments.start_within,
            locked_setup=configured_setup(settings, tools) if locks else None,
            locked_fields=fields,
        )
    except ValueError as error:
        print(f"satellite token mint: {error}", file=sys.stderr)
        return WRONG_USAGE
    minted = mint(settings.live, order, now=datetime.now(UTC))
    print(json.dumps(minted, indent=2) if arguments.json else minted["name"])
    return 0


def configured_setup(settings: Settings, tools: Sequence[ToolDeclaration]) -> dict[str, Any]:
    """The setup that a satellite with this configuration sends, as it goes over the wire.

    It announces a history where one may be told: a token's setup replaces the device's, and a history that was not
    announced would be answered like a question. Where it is announced and none is told, nothing changes.
    """
    live = settings.live
    setup = session_setup(
        live,
        family_of(live.model),
        model=endpoint_of(live).model,
        activity_manual=settings.conversation.activity is ActivityMode.MANUAL,
        tools=tools,
        instruction=fill(
            read_instruction(live),
            name=settings.satellite.name,
            room=settings.satellite.room,
            place=settings.satellite.place,
            now=datetime.now().astimezone(),
        ),
        seeded=live.context.seed_history,
    )
    whole: dict[str, Any] = json.loads(encode_setup(setup, None))
    inner: dict[str, Any] = whole["setup"]
    return inner
