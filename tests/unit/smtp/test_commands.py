import pytest

from zaiond.model import Message
from zaiond.smtp.syntax import Capabilities, mail_command, rcpt_command


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("a@x.jp", b"a@x.jp"),
        ("zaionnex", b"zaionnex"),
        ("a..b@docomo.ne.jp", b'"a..b"@docomo.ne.jp'),
        (".a@ezweb.ne.jp", b'".a"@ezweb.ne.jp'),
        ("a.@docomo.ne.jp", b'"a."@docomo.ne.jp'),
        ('"a..b"@docomo.ne.jp', b'"a..b"@docomo.ne.jp'),
    ],
)
def test_an_address_that_is_no_dot_string_goes_in_quotes(address: str, path: bytes) -> None:
    mail = Message(message_id="<1@x>", reverse_path=address, recipients=(), content=b"")
    assert rcpt_command(address, Capabilities()) == b"RCPT TO:<%b>\r\n" % path
    assert mail_command(mail, Capabilities(), utf8=False) == b"MAIL FROM:<%b>\r\n" % path
