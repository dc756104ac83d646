"""Messages between the recogniser and its process."""

import socket
from collections.abc import Iterator

import pytest

from satellite.speech import wire


@pytest.fixture
def link() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_messages_arrive_whole_and_apart(link: tuple[socket.socket, socket.socket]) -> None:
    one, other = link
    wire.send(one, wire.TEXT, b"abc")
    wire.send(one, wire.READY)
    assert wire.receive(other) == (wire.TEXT, b"abc")
    assert wire.receive(other) == (wire.READY, b"")


def test_a_message_that_does_not_come_ends_the_patience(link: tuple[socket.socket, socket.socket]) -> None:
    link[0].sendall(b"T\x00\x00")
    with pytest.raises(TimeoutError):
        wire.receive(link[1], 0.01)


def test_the_end_of_the_other_side_is_an_end_also_within_a_message(link: tuple[socket.socket, socket.socket]) -> None:
    link[0].sendall(b"T\x00\x00\x00\x05ab")
    link[0].close()
    with pytest.raises(EOFError):
        wire.receive(link[1])


def test_a_length_out_of_range_is_refused(link: tuple[socket.socket, socket.socket]) -> None:
    link[0].sendall(b"T\xff\xff\xff\xff")
    with pytest.raises(ValueError, match="4294967295"):
        wire.receive(link[1])
