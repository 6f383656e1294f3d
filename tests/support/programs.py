"""A program that comes to zaiond-web by HTTP with a token of its own, as curl or Prometheus."""

import json
from collections.abc import Mapping
from typing import Any

from tests.support.daemon import Daemon
from tests.support.web import Answer, Browser, Web


def token(daemon: Daemon, name: str, use: str) -> str:
    """A new token; `use` is metrics or emit."""
    made: str = daemon.document("web", "token", name, f"--{use}")["token"]
    return made


class Program:
    """Sends requests with a token; None: with none."""

    def __init__(self, web: Web, given: str | None) -> None:
        self._browser = Browser(web.base)
        self.authorization = f"Bearer {given}"
        self._given = {} if given is None else {"Authorization": self.authorization}

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """One request."""
        return self._browser.send(method, path, body, {**self._given, **headers})

    def post(self, path: str, body: Any, kind: str = "application/json") -> Answer:
        """Sends bytes as they are, text in UTF-8, all else as JSON."""
        if isinstance(body, str):
            body = body.encode()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, data, {"Content-Type": kind})


def replies(answer: Answer) -> list[dict[str, Any]]:
    """The replies in an answer, a line each."""
    return [json.loads(line) for line in answer.text.splitlines()]
