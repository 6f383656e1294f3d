"""Ports for servers that are started, ended and started again."""

import contextlib
import random
import socket


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that the kernel gives to no connection, nor
    to a server of another test, meanwhile.
    """
    while True:
        port = random.randrange(10000, 30000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
