"""Free ports: the preferred one, or another."""

from __future__ import annotations

import socket

from runtime.embedded.ports import accepts, free_port, is_free


def test_the_preferred_port_is_taken_when_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port
    assert is_free(port)
    assert not accepts(port)


def test_another_one_when_it_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        busy = server.getsockname()[1]
        assert not is_free(busy)
        assert accepts(busy)
        assert free_port(busy) != busy


def test_announced_ports_are_left_alone() -> None:
    port = free_port()
    assert free_port(port, taken=frozenset({port})) != port
