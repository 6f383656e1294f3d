"""Which members are silent, and which are back."""

import json

from zaiond.fleet.roll import News, Word, event, forgotten, gone, news, read, said
from zaiond.routing.records import Problem
from zaiond.users import NO_UID, abroad

GRACE = 600.0


def told(words: dict[str, Word], silent: set[str], now: float, since: float = 0.0) -> list[str]:
    return [
        f"{one.machine} {'silent' if one.is_silent else 'back'}"
        for one in news(words, silent, now, since, GRACE)
    ]


def test_a_member_is_silent_after_the_grace_and_is_told_of_once() -> None:
    words = {"web1": Word(1000.0), "web2": Word(1500.0)}
    assert told(words, set(), 1599.0) == []
    assert told(words, set(), 1600.0) == ["web1 silent"]
    assert told(words, {"web1"}, 1700.0) == []


def test_a_member_that_is_heard_of_again_is_back() -> None:
    assert told({"web1": Word(5000.0)}, {"web1"}, 5010.0) == ["web1 back"]


def test_nobody_is_silent_before_this_hub_could_hear_them_for_the_grace() -> None:
    words = {"web1": Word(1000.0)}
    assert told(words, set(), 9000.0, since=8900.0) == []
    assert told(words, set(), 9500.0, since=8900.0) == ["web1 silent"]
    # Who was silent before is not back for that.
    assert told(words, {"web1"}, 9000.0, since=8900.0) == []


def test_a_word_is_read_as_far_as_it_makes_sense() -> None:
    said = {"version": "1.2", "since": 900, "waiting": 3, "state": "handing_on"}
    assert read(json.dumps(said).encode(), 1.0) == Word(1.0, 900.0, 3, "handing_on", "1.2")
    for odd in (
        b"", b"\xff", b"[]", b'{"waiting":"x","since":true,"state":1,"version":null}',
        b"[" * 100_000, b'{"since":1e300,"waiting":' + b"9" * 4000 + b"}",
        b'{"since":-1e300,"waiting":-1}', b'{"since":1e999}', b'{"since":NaN}',
    ):  # fmt: skip
        assert read(odd, 1.0) == Word(1.0)
    assert len(read(json.dumps({"state": "x" * 999}).encode(), 1.0).state) < 100


def test_a_word_that_a_hostile_member_says_is_read_as_far_as_it_makes_sense() -> None:
    for odd in (
        b'{"since":1' + b"0" * 400 + b',"waiting":1' + b"0" * 400 + b"}",
        b'{"since":1e300,"waiting":-1}',
        b'{"since":-1e300,"waiting":1.5}',
        b'{"since":NaN,"waiting":NaN}',
        b"[" * 3000,
        b'{"a":' * 700,
        b'{"version":"' + b"x" * 1_000_000 + b'"}',
    ):
        assert read(odd, 1.0) == Word(1.0)
        assert said(odd) == {}
    assert read(b'{"state":"\\u001b[31m\\u0007\\n"}', 1.0).state.isprintable()


def test_the_event_opens_a_problem_of_the_machine_and_the_other_closes_it() -> None:
    opens = json.loads(event(News("web1.example.jp", True, Word(1000.0)), 5, 1700.0, "en")[4])
    closes = event(News("web1.example.jp", False, Word(1800.0)), 5, 1800.0, "ja")
    assert (opens["key"], opens["status"], opens["severity"]) == (
        "web1.example.jp",
        "problem",
        "err",
    )
    assert opens["data"]["host"] == "web1.example.jp"
    assert json.loads(closes[4])["status"] == "ok"
    assert closes[6] == "key web1.example.jp"


def test_the_same_silence_is_the_same_event_whichever_hub_tells_it() -> None:
    one, again = (
        event(News("web1", True, Word(1000.0)), 5, at, "en")[0] for at in (1600.0, 1700.0)
    )
    other = event(News("web1", True, Word(2000.0)), 5, 2600.0, "en")[0]
    assert one == again != other


def test_a_member_that_was_stopped_and_is_not_back_is_told_of_as_such() -> None:
    stopped = Word(1000.0, state="stopped")
    assert told({"web1": stopped}, set(), 1600.0) == ["web1 silent"]
    one = json.loads(event(News("web1", True, stopped), 5, 1700.0, "en")[4])
    other = json.loads(event(News("web1", True, Word(1000.0)), 5, 1700.0, "en")[4])
    assert one["status"] == other["status"] == "problem"
    assert one["key"] == other["key"]
    assert "stopped" in one["message"]
    assert one["subject"] != other["subject"]


def problem(key: str, type_: str = "zaiond.fleet.member", uid: int | None = None) -> Problem:
    uid = abroad(7, NO_UID) if uid is None else uid
    return Problem(uid=uid, key=key, since=1600.0, last=1600.0, worst="err", type=type_)


def test_a_silence_is_over_when_the_engine_has_no_word_of_that_machine_any_more() -> None:
    problems = [problem("web1"), problem("web2")]
    assert [machine for machine, _ in gone({"web1"}, problems)] == ["web2"]
    # What is no silence is none of ours, be it called so.
    others = [problem("web3", "disk.full"), problem("web3", uid=abroad(7, 1000))]
    assert gone({"web1"}, others) == []


def test_the_event_of_a_forgotten_machine_closes_the_problem_of_its_silence() -> None:
    opens = event(News("web1", True, Word(1000.0)), 5, 1600.0, "en")
    closes, again = (forgotten("web1", 1600.0, 5, at, "en") for at in (9000.0, 9030.0))
    assert json.loads(closes[4])["status"] == "ok"
    assert (closes[1], closes[6]) == (opens[1], opens[6])  # whose, and which
    assert closes[0] == again[0] != opens[0]
    assert closes[0] != event(News("web1", False, Word(1000.0)), 5, 9000.0, "en")[0]
