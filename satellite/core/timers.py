"""The user's timers: name -> instant. They ring through the conversation's announcements."""


class Timers:
    """Timers by name; setting one again moves it."""

    def __init__(self) -> None:
        self._due_ms: dict[str, int] = {}

    @property
    def deadline_ms(self) -> int | None:
        """When the next one rings."""
        return min(self._due_ms.values(), default=None)

    def set(self, name: str, due_ms: int) -> None:
        """Ring at `due_ms`."""
        self._due_ms[name] = due_ms

    def cancel(self, name: str) -> None:
        """Forget it; an unknown name changes nothing. An empty name means all."""
        if name:
            self._due_ms.pop(name, None)
        else:
            self._due_ms.clear()

    def ring(self, now_ms: int) -> list[str]:
        """Take the names of those that are due, the earliest first."""
        due = sorted((at_ms, name) for name, at_ms in self._due_ms.items() if at_ms <= now_ms)
        for _, name in due:
            del self._due_ms[name]
        return [name for _, name in due]
