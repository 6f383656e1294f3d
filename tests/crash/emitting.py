"""A program that emits to a daemon that may die meanwhile."""

import json
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def emit(event_socket: Path, events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The replies that came, in order; fewer than events where the daemon is gone or goes."""
    lines = [json.dumps(event).encode() + b"\n" for event in events]
    replies: list[dict[str, Any]] = []
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(event_socket))
            with connection.makefile("rb") as answers:
                for first in range(0, len(lines), 100):
                    part = lines[first : first + 100]
                    connection.sendall(b"".join(part))
                    for _ in part:
                        answer = answers.readline()
                        if not answer.endswith(b"\n"):
                            return replies
                        replies.append(json.loads(answer))
    except (ConnectionError, FileNotFoundError):
        pass
    return replies


def told_ok(replies: Iterable[Mapping[str, Any]]) -> set[str]:
    """The ids of the events that were acknowledged."""
    return {str(reply["id"]) for reply in replies if reply["status"] == "ok"}
