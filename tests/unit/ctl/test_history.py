"""What became of an event, as people read it."""

from datetime import datetime
from typing import Any

import pytest

from zaiond.ctl import history
from zaiond.text import Language
from zaiond.way import HUBS, shown

FROM_HERE = {
    "id": "e1", "type": "a.b", "subject": "s", "time": "2013-05-25T09:00:00+09:00", "source": "x",
    "uid": 0, "user": "root",
}  # fmt: skip


def event(language: Language, *recipients: str) -> dict[str, Any]:
    deliveries = [
        {
            "recipient": shown(recipient).in_language(language),
            "outcome": "delivered",
            "server": "n1:4222",
            "attempts": [{"number": 1, "ended": FROM_HERE["time"], "outcome": "delivered"}],
        }
        for recipient in recipients
    ]
    return {**FROM_HERE, "outcome": "delivered", "deliveries": deliveries}


@pytest.mark.parametrize(
    ("language", "handed_on", "delivered"),
    [("en", "handed on to the hubs", "delivered"), ("ja", "ハブに引き継ぎ済み", "送信済み")],
)
def test_what_was_handed_on_is_not_shown_as_mailed(
    language: Language, handed_on: str, delivered: str
) -> None:
    one = event(language, HUBS)
    whole = "\n".join(history.of(one, language))
    assert whole.count(handed_on) == 3  # of the event, of the delivery, of its attempt
    assert delivered not in whole
    (line,) = history.listing([one], language, datetime.now().astimezone())
    assert handed_on in line
    mailed = "\n".join(history.of(event(language, "a@x"), language))
    assert mailed.count(delivered) == 3
    assert handed_on not in mailed


def test_of_an_event_that_was_mailed_and_handed_on_each_is_said() -> None:
    whole = "\n".join(history.of(event("en", "a@x", HUBS), "en"))
    assert whole.count("handed on to the hubs") == 2
    assert whole.count("delivered") == 3
