"""What people read: `queue list`, `history` and the counts of `status`."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from tests.support.store import NOW, Store, event, mail
from zaiond.store import events, history, queue
from zaiond.store.events import StoredEvent
from zaiond.store.queue import Attempted, QueuedMail
from zaiond.text import Text

WHY = Text("設定により対象外", "not by the configuration")
REMARK = Text("UTF-8 で作成", "made in UTF-8")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as store:
        yield store


def routed(
    store: Store, id_: str, *recipients: str, at: float = NOW, remark: Text | None = None
) -> QueuedMail:
    (stored,) = store.run(lambda db: events.accept(db, [event(id_, at=at)], 0.0)).events
    one = mail(stored.seq, [stored], recipients or ("a@x",))
    one.message = structs.replace(one.message, remark=remark)
    store.run(lambda db: queue.route(db, stored.seq, [one], []))
    return one


def unrouted(store: Store, id_: str, at: float = NOW) -> StoredEvent:
    (stored,) = store.run(lambda db: events.accept(db, [event(id_, at=at)], 0.0)).events
    return stored


def finish(store: Store, one: QueuedMail, *states: Any, at: float = NOW) -> None:
    store.run(
        lambda db: queue.finish(
            db,
            one,
            [
                Attempted(
                    delivery,
                    state,
                    "deferred" if state == "waiting" else state,
                    "mailhost:25",
                    f"reply {state}",
                    at,
                    at + 1,
                    at + 60 if state in ("deferred", "held") else None,
                )
                for delivery, state in zip(one.deliveries, states, strict=True)
            ],
        )
    )


def told(store: Store, **asked: Any) -> list[dict[str, Any]]:
    return store.run(lambda db: history.history(db, "en", **asked))


def listed(store: Store, held: bool = False, waits_for: str = "", limit: int = 100) -> Any:
    return store.run(lambda db: history.queue(db, held, waits_for, _through(db), limit))


def _through(db: Any) -> int:
    return int(events.get_meta(db, "routed_through") or 0)


def test_only_the_events_that_are_asked_for_are_listed(store: Store) -> None:
    for number in range(3):
        routed(store, f"routed{number}", "a@x", "b@x")
    for number in range(3):
        unrouted(store, f"unrouted{number}")
    ids = ("unrouted2", "nobody", "routed1")
    found = store.run(lambda db: history.queue(db, False, None, _through(db), 100, ids))
    assert [one["event_ids"] for one in found] == [["routed1"], ["routed1"], ["unrouted2"]]
    assert store.run(lambda db: history.queue(db, False, None, _through(db), 100, ())) == []


def test_a_delivered_event_tells_by_whom_to_whom_and_what_was_replied(store: Store) -> None:
    one = routed(store, "1", "a@x", "b@x")
    finish(store, one, "delivered", "delivered")
    (document,) = told(store, id="1")
    assert document["outcome"] == "delivered"
    assert document["source"] == "uid:1000"
    assert (document["uid"], document["type"], document["severity"]) == (1000, "a.b", "info")
    first = document["deliveries"][0]
    assert (first["recipient"], first["outcome"], first["server"], first["reply"]) == (
        "a@x",
        "delivered",
        "mailhost:25",
        "reply delivered",
    )
    assert first["message_id"] == one.message.message_id
    assert [attempt["number"] for attempt in first["attempts"]] == [1]


@pytest.mark.parametrize(
    ("states", "outcome", "reason"),
    [
        (["delivered", "failed"], "failed", "reply failed"),
        (["failed", "delivered"], "failed", "reply failed"),
        (["delivered", "expired"], "expired", "reply expired"),
        (["delivered", "deferred"], "waiting", "reply deferred"),
        (["failed", "deferred"], "waiting", "reply deferred"),
        (["delivered", "held"], "waiting", "reply held"),
        (["held", "held"], "waiting", "reply held"),
        (["waiting", "delivered"], "waiting", "reply waiting"),
        (["delivered", "delivered"], "delivered", "reply delivered"),
    ],
)
def test_an_events_outcome_is_the_worst_of_its_deliveries_once_all_have_ended(
    store: Store, states: list[str], outcome: str, reason: str
) -> None:
    finish(store, routed(store, "1", "a@x", "b@x"), *states)
    (document,) = told(store, id="1")
    assert (document["outcome"], document["reason"]) == (outcome, reason)
    assert [d["outcome"] for d in document["deliveries"]] == states


def test_an_event_that_became_no_mail_says_why_in_the_language_asked_for(store: Store) -> None:
    stored = unrouted(store, "1")
    store.run(lambda db: queue.route(db, stored.seq, [], [queue.Dropped(stored, WHY)]))
    assert (told(store)[0]["outcome"], told(store)[0]["reason"]) == ("dropped", WHY.en)
    japanese = store.run(lambda db: history.history(db, "ja"))
    assert japanese[0]["reason"] == WHY.ja


def test_a_remark_on_an_events_mail_is_part_of_the_reason_from_its_routing_on(
    store: Store,
) -> None:
    one = routed(store, "1", remark=REMARK)
    assert (told(store)[0]["outcome"], told(store)[0]["reason"]) == ("waiting", REMARK.en)
    finish(store, one, "delivered")
    (document,) = told(store)
    assert (document["outcome"], document["reason"]) == (
        "delivered",
        f"reply delivered; {REMARK.en}",
    )
    assert document["deliveries"][0]["reply"] == "reply delivered"
    japanese = store.run(lambda db: history.history(db, "ja"))
    assert japanese[0]["reason"] == f"reply delivered; {REMARK.ja}"


def test_a_mail_made_anew_has_the_remark_of_the_new_one(store: Store) -> None:
    one = routed(store, "1", remark=REMARK)
    plain = replace(one, message=structs.replace(one.message, remark=None))
    store.run(lambda db: queue.remake(db, one, plain, NOW))
    assert told(store)[0]["reason"] is None
    store.run(lambda db: queue.remake(db, plain, one, NOW))
    assert told(store)[0]["reason"] == REMARK.en


def test_an_event_not_yet_routed_waits(store: Store) -> None:
    unrouted(store, "1")
    (document,) = told(store)
    assert (document["outcome"], document["deliveries"]) == ("waiting", [])
    assert document["reason"]


def test_an_event_deleted_by_hand_says_so(store: Store) -> None:
    stored = unrouted(store, "1")
    store.run(lambda db: events.delete_unrouted(db, [stored.seq], WHY))
    assert (told(store)[0]["outcome"], told(store)[0]["reason"]) == ("deleted", WHY.en)


def test_history_gives_the_newest_oldest_first(store: Store) -> None:
    for number in range(5):
        unrouted(store, str(number), at=NOW + number)
    assert [d["id"] for d in told(store, limit=3)] == ["2", "3", "4"]
    assert [d["id"] for d in told(store, since=NOW + 3)] == ["3", "4"]
    assert told(store, id="99") == []


def test_times_are_of_rfc_3339_with_an_offset(store: Store) -> None:
    finish(store, routed(store, "1"), "deferred")
    (document,) = told(store)
    delivery = document["deliveries"][0]
    for time in (document["time"], document["accepted"], delivery["next_attempt"]):
        assert time[10] == "T"
        assert time[-6] in "+-"


def test_the_queue_lists_what_is_open_in_order_then_what_is_not_routed(store: Store) -> None:
    finish(store, routed(store, "1", "a@x", "b@x"), "delivered", "deferred")
    routed(store, "2")
    unrouted(store, "3")
    deliveries = listed(store, waits_for="connection refused")
    assert [(d["event_ids"], d["recipient"], d["state"], d["reply"]) for d in deliveries] == [
        (["1"], "b@x", "deferred", "reply deferred"),
        (["2"], "a@x", "waiting", "connection refused"),
        (["3"], None, "waiting", "connection refused"),
    ]
    assert (deliveries[0]["attempts"], deliveries[1]["attempts"]) == (1, 0)
    assert deliveries[0]["next_attempt"] is not None
    assert [d["event_ids"] for d in listed(store, limit=2)] == [["1"], ["2"]]


def test_all_that_waits_is_held_where_the_configuration_is_at_fault(store: Store) -> None:
    finish(store, routed(store, "1"), "deferred")
    routed(store, "2")
    unrouted(store, "3")
    assert [d["state"] for d in listed(store, held=True)] == ["deferred", "held", "held"]


def test_the_counts_are_of_what_is_open_and_of_what_was_lost_in_seven_days(store: Store) -> None:
    day = 86400.0
    finish(store, routed(store, "1", "a@x", "b@x", at=NOW - 9 * day), "failed", "expired",
           at=NOW - 8 * day)  # fmt: skip
    finish(store, routed(store, "2", "a@x", "b@x", "c@x"), "failed", "held", "deferred")
    routed(store, "3", at=NOW + 5)
    found = store.run(lambda db: history.counts(db, NOW, _through(db)))
    assert found == {
        "waiting": 1, "deferred": 1, "held": 1, "failed": 1, "expired": 0, "oldest": NOW,
    }  # fmt: skip


def test_the_oldest_may_be_one_that_is_not_routed(store: Store) -> None:
    assert store.run(lambda db: history.counts(db, NOW, 0))["oldest"] is None
    unrouted(store, "1", at=NOW - 5)
    assert store.run(lambda db: history.counts(db, NOW, 0))["oldest"] == NOW - 5
