"""In which order a server's addresses are tried."""

import socket

from tests.support.delivery import connection_context
from zaiond.net.context import ServerMemory
from zaiond.sockets import Address


def address(host: str) -> Address:
    return socket.AF_INET, (host, 25)


A, B, C = address("192.0.2.1"), address("192.0.2.2"), address("192.0.2.3")


def test_without_experience_the_resolvers_order_counts() -> None:
    assert ServerMemory().in_order([B, A, C], 0.0) == [B, A, C]


def test_the_one_that_worked_comes_first_and_those_that_failed_last_the_oldest_first() -> None:
    memory = ServerMemory()
    memory.worked(C)
    assert memory.in_order([A, B, C], 0.0) == [C, A, B]
    memory.failed(A, 1.0)
    assert memory.in_order([A, B, C], 2.0) == [C, B, A]
    memory.failed(C, 2.0)
    assert memory.in_order([A, B, C], 2.0) == [B, A, C]
    memory.worked(A)
    assert memory.in_order([A, B, C], 2.0) == [A, B, C]


def test_a_failure_is_forgotten_after_a_while_and_with_its_address() -> None:
    memory = ServerMemory()
    memory.failed(A, 0.0)
    assert memory.in_order([A, B], 599.0) == [B, A]
    assert memory.in_order([A, B], 600.0) == [A, B]
    memory.failed(A, 1000.0)
    assert memory.failed_just_now(A, 1001.0)
    assert not memory.failed_just_now(A, 1010.0)
    assert memory.in_order([B], 1001.0) == [B]  # the name has lost it
    assert not memory.failed_just_now(A, 1001.0)


def test_each_server_has_a_memory_of_its_own() -> None:
    memories = connection_context().servers
    memories["a:25"].pipelining = False
    assert not memories["a:25"].pipelining
    assert memories["a:587"].pipelining
