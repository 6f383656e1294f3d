"""A token endpoint (RFC 6749) on 127.0.0.1, and the SMTP server's side that checks its tokens.

    with TokenServer() as tokens:
        script = ordinary(offers=("AUTH XOAUTH2",), answers={"AUTH": tokens.check})

It runs in a thread of its own, so that what it tests may be a process as well as a coroutine.
"""

import base64
import io
import itertools
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from tests.support.scripted_server import Peer

CLIENT_SECRET = "cl1ent~s3cret"
FIRST = "1//first.r3fresh"


def in_pieces(data: bytes, most: int) -> io.RawIOBase:
    """Gives `data` as a socket may: at most so many bytes at a time."""

    class Pieces(io.RawIOBase):
        at = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            piece = data[self.at : self.at + min(most, len(buffer))]
            buffer[: len(piece)] = piece
            self.at += len(piece)
            return len(piece)

    return Pieces()


class TokenServer:
    """Gives tokens to the client `zaiond` with CLIENT_SECRET, by client credentials or by the
    refresh token that is in force (FIRST, to begin with).

    `rotate`: each refresh token is good for one use and brings the next one. `lifetime`: seconds
    that a token holds, as it says. `more` goes into every answer. `refusal` is said instead of all.
    `valid` are the tokens that `check` takes: take one out, and it is revoked.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.rotate = False
        self.lifetime: int | None = 3600
        self.more: dict[str, Any] = {}
        self.refusal: tuple[int, dict[str, str]] | None = None
        self.refresh_token = FIRST
        self.valid: set[str] = set()
        self.not_accepted = "535 5.7.8 Not accepted"
        self.requests: list[dict[str, str]] = []
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
            self.url = self.url.replace("http:", "https:")
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def new_token(self) -> str:
        """A token that `check` takes."""
        # With what may be in one and looks odd (RFC 6750 2.1), long as Microsoft's are.
        token = f"t0ken-{next(self._numbers)}.~+/" + "x" * 1500 + "=="
        self.valid.add(token)
        return token

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """What a request gets."""
        with self._lock:
            self.requests.append(form)
            if self.refusal is not None:
                return self.refusal
            if (form.get("client_id"), form.get("client_secret")) != ("zaiond", CLIENT_SECRET):
                return 401, {"error": "invalid_client", "error_description": "who are you?"}
            more: dict[str, Any] = {}
            if form.get("grant_type") == "refresh_token":
                if form.get("refresh_token") != self.refresh_token:
                    return 400, {"error": "invalid_grant", "error_description": "used or expired"}
                if self.rotate:
                    self.refresh_token = f"1//next.r3fresh-{next(self._numbers)}"
                    more["refresh_token"] = self.refresh_token
            elif form.get("grant_type") != "client_credentials":
                return 400, {"error": "unsupported_grant_type"}
            if self.lifetime is not None:
                more["expires_in"] = self.lifetime
            return 200, {
                "access_token": self.new_token(), "token_type": "Bearer", **more, **self.more,
            }  # fmt: skip

    async def check(self, peer: Peer) -> None:
        """An answer to AUTH XOAUTH2: takes who has a valid token, as Google and Microsoft do."""
        words = peer.said.rsplit(b"\r\n", 2)[-2].split()
        if len(words) == 2:
            await peer.say("334 ")
            words.append((await peer.line()).encode())
        user, token, *rest = base64.b64decode(words[2]).decode().split("\x01")
        right = user == "user=zaion@zaion.jp" and rest == ["", ""]
        if right and token.removeprefix("auth=Bearer ") in self.valid:
            await peer.say("235 2.7.0 Accepted")
            return
        why = {"status": "400", "schemes": "Bearer", "scope": "https://mail.zaion.jp/"}
        await peer.say("334 " + base64.b64encode(json.dumps(why).encode()).decode())
        assert await peer.line() == ""
        await peer.say(f"{self.not_accepted}: {words[2].decode()[:40]}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                form = dict(parse_qsl(self.rfile.read(length).decode(), strict_parsing=True))
                assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                tokens.asked.set()
                tokens.may_answer.wait(30)
                status, document = tokens.answer(form)
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json;charset=UTF-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *words: object) -> None:
                pass

        return Handler
