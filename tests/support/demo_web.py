"""`make demo-web`: a daemon, a mail server of its own with an inbox to read, and the page to click
through, until Ctrl-C. Everything lives in a temporary directory, which is gone then.
"""

import html
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shlex import quote

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.demo import stop, title
from tests.support.scene import GONE, fill, scene
from tests.support.sink import Mail, Sink
from tests.support.web import Web

_INBOX = """\
<!DOCTYPE html>
<html lang="ja">
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width">
<title>受信メール / Inbox ({count})</title>
<style>
:root {{ color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }}
body {{ max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }}
article {{ margin: 1rem 0; border-top: 1px solid; }}
pre {{ white-space: pre-wrap; }}
</style>
<h1>受信メール / Inbox ({count})</h1>
{mails}
"""


@contextmanager
def inbox(sink: Sink) -> Iterator[str]:
    """Shows what has arrived at `sink`, the last one first; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            mails = list(reversed(sink.mails))
            text = _INBOX.format(count=len(mails), mails="".join(map(_shown, mails)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header(
                "Content-Security-Policy", "default-src 'none'; style-src * 'unsafe-inline'"
            )
            self.end_headers()
            self.wfile.write(text.encode(errors="replace"))

        def log_message(self, *_: object) -> None:
            """Says nothing of who looks."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()


def _shown(mail: Mail) -> str:
    body = mail.message.get_body(("plain", "html"))
    text = "" if body is None else str(body.get_content())
    heads = "".join(f"{name}: {mail.message[name]}\n" for name in ("From", "To", "Date"))
    return (
        f"<article><h2>{html.escape(mail.subject)}</h2>"
        f"<pre>{html.escape(heads)}\n{html.escape(text)}</pre></article>\n"
    )


def tell(daemon: Daemon, sink: Sink, mails: str) -> None:
    """Where everything is."""
    places = "".join(f"export {name}={quote(str(at))}\n" for name, at in daemon.places.items())
    shell = daemon.directory / "environment"
    shell.write_text(f"{places}export PATH={quote(str(PROGRAMS))}:$PATH\n", encoding="utf-8")
    title("届いたメール", "The mails that have arrived")
    print(f"  {mails}\n")
    title(
        f"メールサーバー: 127.0.0.1 ポート {sink.port}（認証なし、{GONE} だけ拒否）",
        f"The mail server: 127.0.0.1, port {sink.port}; no login, refuses {GONE} alone",
    )
    title(
        "別のターミナルで zaiond-ctl を使うには、先に次の行を実行してください",
        "For zaiond-ctl at another terminal, run this there first",
    )
    print(f"  . {shell}\n")


def main() -> int:
    """Runs until Ctrl-C, or SIGTERM; returns 0."""
    signal.signal(signal.SIGTERM, stop)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="zaiond-demo-") as directory,
            Sink() as sink,
            scene(Path(directory), sink) as daemon,
            inbox(sink) as mails,
        ):
            title("準備しています ...", "Preparing ...")
            fill(daemon)
            tell(daemon, sink, mails)
            while True:  # it ends when nobody has used it for half an hour
                with Web(daemon) as web:
                    title(
                        "ブラウザーで開くページ（10 分以内に 1 回だけ）。Ctrl-C で終了します",
                        "The page for your browser (once, within 10 minutes). Ctrl-C ends it",
                    )
                    print(f"  {web.link}\n", flush=True)
                    web.process.wait()
    except KeyboardInterrupt:
        title("終わりました。一時ファイルは残していません", "Done; nothing is left behind")
    return 0


if __name__ == "__main__":
    sys.exit(main())
