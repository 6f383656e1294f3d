"""What `history` and `queue list` say of an event and its mail: the same, and why."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from tests.support.queries import at_once, histories, immediately, queued
from tests.support.store import NOW, Store, event, mail
from zaiond.daemon.documents import Present, why
from zaiond.holds import Hold, Holds
from zaiond.model import AttemptResult, QueuedMail, StoredEvent
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.store import events, holds, queue
from zaiond.store.meta import Acknowledgement
from zaiond.store.queue import Ended
from zaiond.text import Text

WHY = Text("設定により対象外", "not by the configuration")
REMARK = Text("UTF-8 で作成", "made in UTF-8")
SERVER = "mailhost:25"
NOBODY = Failure(
    stage=Stage.RCPT, server=SERVER, cause="reply", reply=Reply(550, (b"5.1.1 No such user",))
)
UNPROTECTED = Failure(stage=Stage.AUTH, server=SERVER, cause="unprotected")
DOWN = Failure(stage=Stage.CONNECT, server=SERVER, cause="refused")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as store:
        yield store


def unrouted(store: Store, id_: str, at: float = NOW, **more: Any) -> StoredEvent:
    (stored,) = store.run(lambda db: events.accept(db, [event(id_, at=at, **more)], 0.0)).events
    return stored


def routed(store: Store, id_: str, *recipients: str, remark: Text | None = None) -> QueuedMail:
    stored = unrouted(store, id_)
    one = mail(stored.seq, [stored], recipients or ("a@x",))
    one.message = structs.replace(one.message, remark=remark)
    store.run(lambda db: queue.route(db, stored.seq, [one], []))
    return one


def finish(store: Store, one: QueuedMail, *states: Any, at: float = 0.0) -> None:
    attempted = [
        AttemptResult(
            delivery,
            state,
            "deferred" if state == "waiting" else state,
            SERVER,
            f"reply {state}",
            NOW,
            NOW + 1,
            NOW + 60 if state in ("deferred", "held") else None,
        )
        for delivery, state in zip(one.deliveries, states, strict=True)
    ]
    store.run(lambda db: queue.finish(db, one, attempted, at))


def hold(store: Store, scope: Any, subject: str, failure: Failure) -> None:
    store.run(lambda db: holds.put(db, Hold(scope, subject, NOW, 0.0, failure)))


def told(store: Store, **asked: Any) -> list[dict[str, Any]]:
    return at_once(histories(immediately(store), **asked))


def listed(store: Store, present: Present | None = None) -> list[dict[str, Any]]:
    return at_once(queued(immediately(store), present))


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
        SERVER,
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
        (["delivered", "held"], "held", "reply held"),
        (["held", "held"], "held", "reply held"),
        (["waiting", "held"], "held", "reply held"),
        (["waiting", "delivered"], "waiting", "reply waiting"),
        (["delivered", "delivered"], "delivered", "reply delivered"),
    ],
)
def test_an_events_outcome_is_that_of_which_an_administrator_must_know_first(
    store: Store, states: list[str], outcome: str, reason: str
) -> None:
    finish(store, routed(store, "1", "a@x", "b@x"), *states)
    (document,) = told(store, id="1")
    assert (document["outcome"], document["reason"]) == (outcome, reason)
    assert [d["outcome"] for d in document["deliveries"]] == states


@pytest.mark.parametrize(
    ("other", "outcome"),
    [("delivered", "delivered"), ("failed", "failed"), ("deleted", "deleted"), (None, "replaced")],
)
def test_a_recipient_that_is_none_any_more_says_nothing_for_the_event(
    store: Store, other: str | None, outcome: str
) -> None:
    one = routed(store, "1", *("a@x", "b@x")[: 2 if other else 1])
    states = ["replaced", other][: len(one.deliveries)]
    store.run(
        lambda db: db.executemany(
            "UPDATE deliveries SET state = ?, ended = 1 WHERE id = ?",
            [(state, d.row) for state, d in zip(states, one.deliveries, strict=True)],
        )
    )
    (document,) = told(store)
    assert document["outcome"] == outcome
    first = document["deliveries"][0]
    assert (first["outcome"], first["reason"]) == ("replaced", "no longer a recipient")
    assert told(store, language="ja")[0]["deliveries"][0]["reason"] == "宛先の変更により終了"


def test_an_event_that_became_no_mail_says_why_in_the_language_asked_for(store: Store) -> None:
    stored = unrouted(store, "1")
    store.run(lambda db: queue.route(db, stored.seq, [], [Ended(stored, WHY)]))
    assert (told(store)[0]["outcome"], told(store)[0]["reason"]) == ("dropped", WHY.en)
    assert told(store, language="ja")[0]["reason"] == WHY.ja


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
    assert told(store, language="ja")[0]["reason"] == f"reply delivered; {REMARK.ja}"


def test_an_event_deleted_by_hand_says_so(store: Store) -> None:
    stored = unrouted(store, "1")
    store.run(lambda db: events.delete_unrouted(db, [stored.seq], WHY))
    assert (told(store)[0]["outcome"], told(store)[0]["reason"]) == ("deleted", WHY.en)
    one = routed(store, "2")
    store.run(lambda db: queue.end(db, [one], "deleted", NOW, 1.0, "", ""))
    (document,) = told(store, id="2")
    assert document["outcome"] == "deleted"
    assert document["reason"] == "deleted by hand"


def test_only_with_an_id_the_event_itself_is_told_and_every_event_that_has_it(
    store: Store,
) -> None:
    more = ',"message":"df: full","data":{"a":1},"key":"disk:/","status":"ok","job":"j","x":"y"'
    unrouted(store, "1", more=more)
    unrouted(store, "1", source="other")
    unrouted(store, "1", uid=0)
    first, second, third = told(store, id="1")
    assert (first["message"], first["data"], first["extensions"]) == (
        "df: full",
        {"a": 1},
        {"x": "y"},
    )
    assert (first["key"], first["status"], first["job"]) == ("disk:/", "ok", "j")
    assert (second["source"], third["uid"]) == ("other", 0)
    assert "message" not in told(store)[0]


def test_the_newest_are_told_oldest_first(store: Store) -> None:
    for number in range(5):
        unrouted(store, str(number), at=NOW + number)
    assert [d["id"] for d in told(store, limit=3)] == ["2", "3", "4"]
    assert [d["id"] for d in told(store, since=NOW + 3)] == ["3", "4"]
    assert told(store, limit=0) == []
    assert told(store, id="99") == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"type": "a.b"}, ["1", "2", "3"]),
        ({"type": "a.*"}, ["1", "2", "3"]),
        ({"type": "A.*"}, []),
        ({"type": "*"}, ["1", "2", "3"]),
        ({"type": "a"}, []),
        ({"source": "uid:1000"}, ["1"]),
        ({"source": "web?.service"}, ["2"]),
        ({"source": "web*"}, ["2", "3"]),
        ({"source": "web[!1]*"}, ["3"]),
        ({"type": "a.?", "source": "*.service"}, ["2"]),
        ({"type": "a.?", "source": "*", "since": NOW + 2}, ["3"]),
        ({"type": "", "source": "*"}, []),
    ],
)
def test_types_and_sources_are_shell_patterns(
    store: Store, wanted: dict[str, Any], found: list[str]
) -> None:
    for number, source in enumerate(("", "web1.service", "web2"), 1):
        # The source as sent stands in the body as well.
        more = f',"source":"{source}"' if source else ""
        unrouted(store, str(number), source=source, more=more, at=NOW + number - 1)
    assert [one["id"] for one in told(store, **wanted)] == found


def test_what_won_t_arrive_by_itself_is_what_failed_expired_or_is_held(store: Store) -> None:
    for state in ("waiting", "deferred", "held", "delivered", "failed", "expired"):
        finish(store, routed(store, state), state)
    finish(store, routed(store, "partly", "a@x", "b@x"), "delivered", "failed")
    dropped = unrouted(store, "dropped")
    store.run(lambda db: queue.route(db, dropped.seq, [], [Ended(dropped, WHY)]))
    unrouted(store, "unrouted")
    assert [d["id"] for d in told(store, failed=True)] == ["held", "failed", "expired", "partly"]
    assert [d["id"] for d in told(store, failed=True, limit=2)] == ["expired", "partly"]
    assert told(store, failed=True, type="b.*") == []
    hold(store, "queue", "", UNPROTECTED)
    every = ["waiting", "deferred", "held", "failed", "expired", "partly", "unrouted"]
    assert [d["id"] for d in told(store, failed=True)] == every


HELD = (
    ("queue", "", UNPROTECTED, ["waiting", "deferred"]),
    ("address", "a@x", NOBODY, ["held", "held"]),
    ("mail", "1", NOBODY, ["held", "held"]),
)


@pytest.mark.parametrize(("scope", "subject", "failure", "states"), HELD)
def test_history_and_queue_list_agree_about_held_mail_and_say_why_and_what_to_do(
    store: Store, scope: str, subject: str, failure: Failure, states: list[str]
) -> None:
    one = routed(store, "1", "a@x", "b@x")
    finish(store, one, states[0], "delivered")
    hold(store, scope, subject, failure)
    (document,) = told(store, id="1")
    (in_list,) = listed(store)
    (delivery, _) = document["deliveries"]
    assert document["outcome"] == delivery["outcome"] == in_list["state"] == "held"
    assert document["reason"] == delivery["reason"] == in_list["reason"]
    assert document["reason"] == why(failure).en
    assert failure.text.en in document["reason"]
    assert delivery["hold"] == in_list["hold"]
    assert delivery["hold"]["scope"] == scope
    assert delivery["hold"]["remedy"]
    assert delivery["reply"] == in_list["reply"] == f"reply {states[0]}"


def test_of_a_refused_address_that_is_the_reason_also_where_its_mail_is_held(store: Store) -> None:
    one = routed(store, "1", "a@x", "b@x")
    finish(store, one, "held", "held")
    hold(store, "mail", "1", UNPROTECTED)
    hold(store, "address", "b@x", NOBODY)
    (document,) = told(store, id="1")
    assert [each["hold"]["scope"] for each in document["deliveries"]] == ["mail", "address"]


def test_why_is_what_a_reply_means_and_the_reply_itself() -> None:
    assert why(NOBODY).en == "mailhost:25: no such recipient: 550 5.1.1 No such user"
    assert why(DOWN).ja == f"mailhost:25: {DOWN.text.ja}"


def test_what_was_never_tried_has_the_words_of_what_holds_it(store: Store) -> None:
    one = routed(store, "1")
    store.run(lambda db: queue.hold(db, [one.deliveries[0].row]))
    hold(store, "address", "a@x", NOBODY)
    (in_list,) = listed(store)
    assert (in_list["state"], in_list["reply"], in_list["server"]) == (
        "held",
        "550 5.1.1 No such user",
        SERVER,
    )
    (document,) = told(store)
    assert document["deliveries"][0]["server"] == SERVER


def test_a_hold_of_another_address_or_mail_holds_nothing_here(store: Store) -> None:
    routed(store, "1")
    hold(store, "address", "b@x", NOBODY)
    hold(store, "mail", "2", NOBODY)
    assert [one["state"] for one in listed(store)] == ["waiting"]
    assert told(store)[0]["outcome"] == "waiting"


def test_an_event_not_yet_routed_waits_or_is_held_with_the_queue(store: Store) -> None:
    unrouted(store, "1")
    (document,), (in_list,) = told(store), listed(store)
    assert (document["outcome"], document["deliveries"]) == ("waiting", [])
    assert document["reason"] == in_list["reason"] == "waits to be routed"
    hold(store, "queue", "", UNPROTECTED)
    (document,), (in_list,) = told(store), listed(store)
    assert document["outcome"] == in_list["state"] == "held"
    assert document["reason"] == in_list["reason"] == f"{SERVER}: {UNPROTECTED.text.en}"


def test_what_waits_for_the_rate_says_so_and_when_it_goes_on(store: Store) -> None:
    routed(store, "1")
    finish(store, routed(store, "2"), "deferred")
    waiting, deferred = listed(store, Present("en", holds=Holds(), rate_until=NOW + 42))
    assert waiting["reason"] == "waits, as no more mails may go out at present (mail_server.rate)"
    assert ":42." in waiting["next_attempt"]
    assert (waiting["server"], waiting["reply"]) == (None, None)
    assert deferred["reason"] == "reply deferred"


def test_in_an_outage_what_waits_says_why_and_when_the_server_is_tried_next(store: Store) -> None:
    down = Present("en", holds=Holds(), outage=DOWN, next_probe=NOW + 42)
    routed(store, "1")
    finish(store, routed(store, "2"), "deferred")
    unrouted(store, "3")
    waiting, deferred, not_routed = listed(store, down)
    probe = waiting["next_attempt"]
    assert probe.startswith("2013-05-25") or probe.startswith("2013-05-24")
    assert ":42." in probe
    assert waiting["reason"] == not_routed["reason"] == f"{SERVER}: {DOWN.text.en}"
    assert not_routed["next_attempt"] == probe
    # It was deferred by a server that answered, and has its own time.
    assert (deferred["reason"], deferred["next_attempt"] != probe) == ("reply deferred", True)
    first, second, third = told(store, present=down)
    assert (first["reason"], second["reason"]) == (waiting["reason"], "reply deferred")
    assert first["deliveries"][0]["next_attempt"] == probe
    assert third["outcome"] == "waiting"


def test_what_waits_for_an_earlier_mail_of_its_key_says_so(store: Store) -> None:
    one = routed(store, "1")
    store.run(lambda db: db.execute("UPDATE deliveries SET state = 'deferred'") and None)
    for document in (listed(store)[0], told(store)[0]["deliveries"][0], told(store)[0]):
        assert "waits for the mail before it" in document["reason"]
    assert one.deliveries[0].attempts == 0


def test_what_was_lost_and_is_known_says_to_whom_and_since_when(store: Store) -> None:
    finish(store, routed(store, "1"), "failed", at=10.0)
    finish(store, routed(store, "2", "a@x", "b@x"), "failed", "expired", at=20.0)
    finish(store, routed(store, "3"), "delivered", at=5.0)
    known = (
        Acknowledgement(15.0, 0, "root", NOW),
        Acknowledgement(20.0, 1000, "hanako", NOW + 3600),
    )
    now = Present("ja", holds=Holds(), acknowledged=known)
    first, second, third = (one["reason"] for one in told(store, present=now))
    assert first.startswith("reply failed; 確認済み（root、2013-05-2")
    assert second.startswith("reply failed; 確認済み（hanako、2013-05-2")
    assert third == "reply delivered"
    now = Present("en", holds=Holds(), acknowledged=known[:1])
    assert told(store, id="2", present=now)[0]["reason"] == "reply failed"


def test_times_are_of_rfc_3339_with_an_offset(store: Store) -> None:
    finish(store, routed(store, "1"), "deferred")
    (document,), (in_list,) = told(store), listed(store)
    delivery = document["deliveries"][0]
    assert delivery["next_attempt"] == in_list["next_attempt"]
    for time in (document["time"], document["accepted"], delivery["next_attempt"]):
        assert time[10] == "T"
        assert time[-6] in "+-"


def test_the_queue_lists_what_is_open_in_order_then_what_is_not_routed(store: Store) -> None:
    finish(store, routed(store, "1", "a@x", "b@x"), "delivered", "deferred")
    routed(store, "2")
    unrouted(store, "3", more=',"subject":"disk full"')
    found = [(d["event_ids"], d["recipient"], d["state"], d["attempts"]) for d in listed(store)]
    assert found == [
        (["1"], "b@x", "deferred", 1),
        (["2"], "a@x", "waiting", 0),
        (["3"], None, "waiting", 0),
    ]
    assert listed(store)[2]["subject"] == "disk full"
    assert {*listed(store)[0]} >= {"message_id", "reply", "next_attempt", "accepted", "hold"}


def test_an_event_that_cant_be_read_is_told_of_all_the_same(store: Store) -> None:
    routed(store, "1")
    routed(store, "2")
    store.run(lambda db: db.execute("UPDATE events SET body = x'ff7b' WHERE id = '1'") and None)
    assert [one["id"] for one in told(store)] == ["1", "2"]
    assert "can't be read" in told(store, id="1")[0]["subject"]
    assert [one["event_ids"] for one in listed(store)] == [["1"], ["2"]]
    assert told(store, type="a.*")[0]["id"] == "2"
