"""The dispatch loop: run to completion, one timer."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from satellite.app.clock import SimulatedTimeLoop
from satellite.app.dispatch import Dispatcher
from satellite.core import commands as do
from satellite.core import events as ev
from satellite.core.conversation import Conversation
from satellite.core.policy import Policy


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(main)


def dispatcher(done: list[do.Command], policy: Policy | None = None) -> Dispatcher:
    made = Dispatcher(Conversation(policy or Policy()), asyncio.get_running_loop())
    made.execute = done.append
    return made


def test_an_event_posted_from_a_command_waits_until_the_commands_are_done() -> None:
    async def main() -> list[do.Command]:
        done: list[do.Command] = []
        loop = dispatcher(done)

        def execute(command: do.Command) -> None:
            done.append(command)
            if isinstance(command, do.SetVolume) and command.percent == 10:
                loop.post(ev.VolumeRequested(20))

        loop.execute = execute
        loop.post(ev.VolumeRequested(10))
        return [command for command in done if isinstance(command, (do.SetVolume, do.PublishVolume))]

    assert run(main()) == [do.SetVolume(10), do.PublishVolume(10), do.SetVolume(20), do.PublishVolume(20)]


def test_the_deadline_of_the_core_is_delivered_when_it_comes() -> None:
    async def main() -> tuple[list[do.ShownState], float]:
        done: list[do.Command] = []
        loop = dispatcher(done, Policy(listen_timeout_ms=6000))
        loop.post(ev.ListenRequested())
        await asyncio.sleep(5.9)
        assert done[-1] != do.PublishState(do.ShownState.IDLE, 1, 1)
        await asyncio.sleep(0.2)
        return [c.state for c in done if isinstance(c, do.PublishState)], asyncio.get_running_loop().time()

    states, _ = run(main())
    assert states == [do.ShownState.LISTENING, do.ShownState.IDLE]


def test_observers_see_each_event_with_its_commands() -> None:
    async def main() -> list[tuple[ev.Event, int]]:
        seen: list[tuple[ev.Event, int]] = []
        loop = dispatcher([])
        loop.observers.append(lambda event, commands, now_ms: seen.append((event, len(commands))))
        loop.post(ev.VolumeRequested(10))
        return seen

    (event, count) = run(main())[0]
    assert event == ev.VolumeRequested(10)
    assert count >= 2


def test_after_the_close_no_conversation_begins_again() -> None:
    async def main() -> list[do.Command]:
        done: list[do.Command] = []
        loop = dispatcher(done)
        loop.post(ev.ShutdownRequested())
        loop.close()
        before = len(done)
        loop.post(ev.ListenRequested())
        loop.post_from_thread(ev.ListenRequested())
        await asyncio.sleep(60)
        return done[before:]

    assert run(main()) == []


def test_another_thread_hands_over() -> None:
    async def main() -> list[do.Command]:
        done: list[do.Command] = []
        loop = dispatcher(done)
        await asyncio.to_thread(loop.post_from_thread, ev.VolumeRequested(10))
        await asyncio.sleep(0)
        return done

    assert do.SetVolume(10) in run(main())
