"""Mails by one configuration."""

from itertools import count

from tests.support.delivery import configuration, server
from tests.support.store import event
from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.model import StoredEvent


def test_a_mail_has_the_names_that_the_machine_has_when_it_is_made() -> None:
    config = configuration(server(1), sender="zaion@{host}", subject_prefix="[{fqdn}] ")
    maker = MailMaker(config, lambda: "M", lambda uid: "", lambda *_: None)
    stored = StoredEvent(1, *event("1"), queued=0.0, notice=False, turn=0, ahead=False)
    made = []
    for host, fqdn in (("one", "one.example"), ("one", "one.example"), ("two", "two.example")):
        maker.call_machine(host, fqdn)
        message = maker.make(1, stored, complete(stored), ("a@x.example",), count(1)).message
        made.append((message.reverse_path, fqdn.encode() in message.content))
    assert made == [("zaion@one", True), ("zaion@one", True), ("zaion@two", True)]
