"""The queue id in the words of mail servers that people have."""

import pytest

from zaiond.selftest.run import queue_id
from zaiond.smtp.syntax import Reply


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2.0.0 Ok: queued as 4XyZ1r2QbWz1kQ", "4XyZ1r2QbWz1kQ"),
        ("2.0.0 Ok: queued as 7BF1C2E0A3", "7BF1C2E0A3"),
        ("2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4XyZ1r", "4XyZ1r"),
        ("2.0.0 Message queued with id 1a2b3c4d5e6f.", "1a2b3c4d5e6f"),
        ("OK id=1rTqBc-0003xy-2A", "1rTqBc-0003xy-2A"),
        ("OK id=1rTqBc-00000003XyZ-2AbC", "1rTqBc-00000003XyZ-2AbC"),
        (
            "2.6.0 <a1@example.jp> [InternalId=4711, Hostname=EX01.example.local] 1234 bytes in "
            "0.1, 12.3 KB/sec Queued mail for delivery",
            "4711",
        ),
        ("2.6.0 <a1@example.jp> Queued mail for delivery", "<a1@example.jp>"),
        ("2.0.0 p5GKf2lT012345 Message accepted for delivery", "p5GKf2lT012345"),
        ("p5GKf2lT012345 Message accepted for delivery", "p5GKf2lT012345"),
        ("2.0.0 3f2a1b4c Message accepted for delivery", "3f2a1b4c"),
        ("ok 1700000000 qp 12345", "1700000000 qp 12345"),
        ("2.0.0 OK  1700000000 d9443c01a7336-1cc0 - gsmtp", "d9443c01a7336-1cc0"),
        (
            "Message Queued (3F2504E0-4F89-11D3-9A0C-0305E82C3301.1)",
            "3F2504E0-4F89-11D3-9A0C-0305E82C3301.1",
        ),
        ("Ok 0102018c1234abcd-11223344-5566", "0102018c1234abcd-11223344-5566"),
        ("Ok. 4F3A2B1C.000012345678", "4F3A2B1C.000012345678"),
        ("2.0.0 Ok", None),
        ("Queued (0.010 seconds)", None),
        ("Message accepted for delivery", None),
        ("2.6.0 Message received", None),
        ("OK , completed", None),
        ("", None),
    ],
)
def test_the_queue_id_is_picked_out_of_the_servers_words(said: str, expected: str | None) -> None:
    assert queue_id(Reply(250, (said.encode(),))) == expected


def test_it_is_found_in_a_reply_of_several_lines() -> None:
    assert queue_id(Reply(250, (b"2.0.0 Thank you", b"2.0.0 Ok: queued as ABC123"))) == "ABC123"


def test_what_a_server_says_in_it_is_shown_escaped() -> None:
    assert queue_id(Reply(250, (b"<a\x1b[2J> Queued mail for delivery",))) == "<a\\x1b[2J>"
