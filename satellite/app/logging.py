"""Logging: to the journal with priorities, to a terminal with times. Messages carry no secrets and no speech."""

import logging
import os

PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""sd-daemon(3): a line that begins with <N> has that priority."""


class JournalFormatter(logging.Formatter):
    """`<priority>name: message`; the journal adds the time."""

    def format(self, record: logging.LogRecord) -> str:
        """One record; every line of it has the priority."""
        text = super().format(record)
        return "\n".join(f"<{PRIORITIES.get(record.levelno, 6)}>{line}" for line in text.splitlines())


def set_up(level: str) -> None:
    """Configure the root logger, once, at start."""
    handler = logging.StreamHandler()
    if os.environ.get("JOURNAL_STREAM"):
        handler.setFormatter(JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # these two log every frame and every packet below INFO
    for chatty in ("websockets", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.INFO if level == "debug" else logging.WARNING)
