"""A web server on 127.0.0.1 that a heartbeat may be sent to, and what it was asked for.

It runs in a thread of its own, so that what it tests may be a process as well as a coroutine.
"""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.waiting import until


class HttpServer:
    """Answers each GET with `status`, `headers` and `content`; `may_answer` lets it."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.content = b"OK"
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked: list[str] = []  # paths, in order
        self.heard: list[dict[str, str]] = []  # the headers of each
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        scheme = "http"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"{scheme}://{self.host}"
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

    def wait(self, count: int) -> list[str]:
        """What was asked for, once it is so many."""
        until(lambda: len(self.asked) >= count, lambda: f"{self.asked}: not {count}")
        return list(self.asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.heard.append(dict(self.headers))
                server.asked.append(self.path)
                server.may_answer.wait(30)
                self.send_response(server.status)
                for name, value in server.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(server.content)))
                self.end_headers()
                self.wfile.write(server.content)

            def log_message(self, *words: Any) -> None:
                pass

        return Handler
