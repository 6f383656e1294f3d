"""Addresses that people have though RFC 5321 has none such: from the file to the mailbox."""

from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.sink import Sink

ADDRESSES = ["a..b@docomo.ne.jp", ".a@ezweb.ne.jp", "a.@docomo.ne.jp"]
CONFIG = """\
mail_server: {{host: 127.0.0.1, port: {port}}}
sender: z..x@zaion.jp
admins: {admins}
language: en
"""


@pytest.mark.parametrize("admins", [", ".join(ADDRESSES), str(ADDRESSES)])
def test_dots_that_no_rfc_allows_arrive_where_they_should_and_are_shown_as_written(
    tmp_path: Path, admins: str
) -> None:
    with Sink() as sink, Daemon(tmp_path, CONFIG.format(port=sink.port, admins=admins)) as daemon:
        sink.refuse[ADDRESSES[1]] = "450 4.2.0 later"
        assert daemon.ctl("emit", "a.b", "-m", "x").returncode == 0
        (mail,) = sink.wait(1)
        assert mail.reverse_path == "z..x@zaion.jp"
        assert mail.recipients == (ADDRESSES[0], ADDRESSES[2])
        (waiting,) = daemon.becomes(lambda found: len(found["deliveries"]) == 1, "queue", "list")[
            "deliveries"
        ]
        assert waiting["recipient"] == ADDRESSES[1]
        (event,) = daemon.document("history")["events"]
        assert {each["recipient"] for each in event["deliveries"]} == set(ADDRESSES)

        tried = daemon.ctl("test", *ADDRESSES)
        assert tried.returncode == 1
        where = f"127.0.0.1:{sink.port}"
        assert tried.stdout.splitlines()[1] == (
            f"[Error] Send error Recipient refused 450 {where} {ADDRESSES[1]} z..x@zaion.jp"
        )
        assert [each.recipients for each in sink.wait(3)[1:]] == [
            (ADDRESSES[0],),
            (ADDRESSES[2],),
        ]
