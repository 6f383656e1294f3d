"""What was left in the spool while the daemon was down, by our client and by others."""

import json
from pathlib import Path

from tests.support.daemon import Daemon
from tests.support.sink import Sink

# Lines as programs write them; the last one is too long for an event.
LINES = (
    rb'{"type":"a.b","id":"1","message":"x\udce7"}',
    b'{"type":"a.b","id":"2","message":"x\xe7"}',
    b'{"type":"a.b","id":"3","data":{"x":1e400,"y":[NaN,-Infinity]}}',
    b'{"type":"a.b","id":"4","severity":"Error"}',
    '{"type":"a.b","id":"5","message":"容量が不足しています"}'.encode("cp932"),
    json.dumps({"type": "a.b", "id": "6", "message": "log\n" * 100_000}).encode(),
)


def configuration(sink: Sink) -> str:
    return f"""
mail_server: {{host: 127.0.0.1, port: {sink.port}}}
admins: a@example.co.jp
language: en
"""


def test_what_a_client_has_spooled_with_exit_0_is_mailed(tmp_path: Path) -> None:
    file = tmp_path / "events"
    file.write_bytes(b"\n".join(LINES))
    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink))
        done = daemon.ctl("emit", "--from", str(file))
        assert (done.returncode, done.stdout.split()) == (0, list("123456")), done
        with daemon:
            sink.wait(len(LINES))
    bodies = {mail.event_ids[0]: mail.body for mail in sink.mails}
    assert sorted(bodies) == list("123456")
    assert r"x\udce7" in bodies["1"]
    assert r"x\xe7" in bodies["2"]
    assert "1e400" in bodies["3"]
    assert "容量が不足しています" in bodies["5"]
    assert "bytes) left out" in bodies["6"]
    assert not list((daemon.spool / ".refused").iterdir())


def test_a_line_of_another_client_that_can_not_be_taken_is_mailed_as_text(tmp_path: Path) -> None:
    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink))
        lines = (b'{"type":"a.b","id":"good"}', '{"type":"夜間 処理"}'.encode("euc_jp"))
        (daemon.spool / "other.json").write_bytes(b"\n".join(lines))
        with daemon:
            sink.wait(2)
    (told,) = [mail for mail in sink.mails if mail.event_ids != ("good",)]
    assert '{"type":"夜間 処理"}' in told.body
    assert "line 2: type: must be" in told.body
    assert (daemon.spool / ".refused" / "other.json").read_bytes() == b"\n".join(lines)
