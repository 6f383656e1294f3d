"""What becomes of an event by the routes; each test is a rule of interface 7."""

import pytest

from tests.support.routed import A, B, Book, configured
from zaiond.routing import words
from zaiond.routing.matcher import RoutingTable

C = "c@example.jp"


def book(text: str = "", admins: str = A) -> Book:
    return Book(RoutingTable(configured(text, admins)))


def mails(of: Book) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
    return [(mail.to, mail.events) for mail in of.made]


def test_without_routes_every_event_is_mailed_to_the_admins_at_once_by_no_rule() -> None:
    b = book(admins=f"{A}, {B}")
    (tell,) = b.tell(type="anything").tells
    assert (tell.to, tell.route, tell.routing.reason) == ((A, B), "", None)


def test_what_no_route_matches_goes_to_the_admins() -> None:
    b = book("routes: {r: {match: {type: backup.*}, to: [b@example.jp]}}")
    assert b.tell(type="disk.full").tells[0].to == (A,)
    (tell,) = b.tell(type="backup.failed").tells
    assert (tell.to, tell.route) == ((B,), "r")
    assert tell.routing.reason is not None
    assert tell.routing.reason.en == "route r: mailed at once"


def test_what_no_route_matches_goes_to_those_of_the_defaults_if_they_name_any() -> None:
    b = book("route_defaults: {to: [b@example.jp]}")
    (tell,) = b.tell().tells
    assert (tell.to, tell.routing.reason) == ((B,), words.BY_DEFAULTS)


@pytest.mark.parametrize(
    ("match", "taken", "not_taken"),
    [
        ("type: [backup.db.*, x]", {"type": "backup.db.a"}, {"type": "backup.web.a"}),
        ("type: x?z", {"type": "xyz"}, {"type": "xz"}),
        ("severity: warning+", {"severity": "crit"}, {"severity": "notice"}),
        ("severity: [err, debug]", {"severity": "debug"}, {"severity": "crit"}),
        ('source: "*/web*"', {"source": "host/web1"}, {"source": "host/db1"}),
        ("subject: '*disk*'", {"subject": "a disk b"}, {"subject": None}),
        ("job: nightly*", {"job": "nightly-1"}, {"job": None}),
        ("status: ok", {"status": "ok", "key": "k"}, {"status": "problem", "key": "k"}),
        ('data.dataset: "prod/*"', {"data": {"dataset": "prod/a"}}, {"data": {"dataset": "x"}}),
        ("data.a.b: x", {"data": {"a": {"b": "x"}}}, {"data": {"a": "x"}}),
        ("data.a.b: x", {"data": {"a.b": "x"}}, {"data": {}}),
        ("data.n: 5", {"data": {"n": 5}}, {"data": {"n": 5.5}}),
        ("data.flag: true", {"data": {"flag": True}}, {"data": {"flag": None}}),
        ("data.tags: prod", {"data": {"tags": ["x", "prod"]}}, {"data": {"tags": []}}),
    ],
)
def test_a_match_takes(match: str, taken: dict[str, object], not_taken: dict[str, object]) -> None:
    b = book(f"routes: {{r: {{match: {{{match}}}, to: [b@example.jp]}}}}")
    if taken.get("status") == "ok":  # else it is of no problem, and told to nobody
        b.tell(key="k", status="problem", severity="debug")
        b.made.clear()
        assert b.table.rules_of(b.event(**taken))[0].name == "r"
        assert b.table.rules_of(b.event(**not_taken))[0].name == ""
        return
    assert b.tell(**taken).tells[0].route == "r"
    assert b.tell(**not_taken).tells[0].route == ""


def test_all_of_a_match_must_hold() -> None:
    b = book("routes: {r: {match: {type: a, severity: err+}, to: [b@example.jp]}}")
    assert b.tell(type="a", severity="info").tells[0].route == ""
    assert b.tell(type="a", severity="err").tells[0].route == "r"


def test_the_first_route_by_order_that_matches_counts() -> None:
    b = book(
        "routes: {late: {order: 60, to: [b@example.jp]}, first: {to: [c@example.jp]},"
        " second: {to: [d@example.jp]}}"
    )
    assert [tell.to for tell in b.tell().tells] == [(C,)]


def test_continue_lets_the_next_that_matches_count_too() -> None:
    b = book(
        "routes: {one: {continue: true, to: [b@example.jp]}, no: {match: {type: q}},"
        " two: {to: [c@example.jp]}, three: {}}"
    )
    assert [tell.to for tell in b.tell().tells] == [(B,), (C,)]


def test_a_route_to_nobody_drops_and_history_says_which_one() -> None:
    b = book("routes: {quiet: {match: {type: q}, to: []}}")
    end = b.tell(type="q").end
    assert end is not None
    assert (end.outcome, end.reason.en) == ("dropped", "route quiet: to nobody (to: [])")


def test_a_route_to_nobody_that_continues_leaves_it_to_the_next() -> None:
    b = book("routes: {quiet: {to: [], continue: true}, r: {to: [b@example.jp]}}")
    assert [tell.to for tell in b.tell().tells] == [(B,)]


def test_the_setting_drops_the_backups_automatic_updates_before_routing_and_is_named() -> None:
    b = book("notify: {backup_auto_update: false}\nroutes: {all: {to: [b@example.jp]}}")
    end = b.tell(type="backup.auto_update.failed", severity="crit").end
    assert end is not None
    assert end.outcome == "dropped"
    assert "notify.backup_auto_update" in end.reason.en
    assert "notify.backup_auto_update" in end.reason.ja
    assert "dropped" not in end.reason.en  # the outcome stands before it, wherever it is shown
    for other in ("backup.auto_update", "backup.auto_updates.x", "my.backup.auto_update.failed"):
        assert b.tell(type=other).tells


def test_recipients_named_by_a_program_bypass_routes_limits_and_silences() -> None:
    from zaiond.routing import silence

    b = book("route_defaults: {max_mails: 1/h}\nroutes: {quiet: {to: []}}")
    silence.add(b.state, id="s", match=(), seconds=60, comment="", by="root", now=b.now)
    for _ in range(3):
        (tell,) = b.tell(type="mail.local", mail="RnJvbTo", data={"recipients": [C]}).tells
        assert (tell.to, tell.routing.recipients) == ((C,), (C,))
        assert tell.routing.reason == words.NAMED_BY_PROGRAM


# -- groups


GROUPED = "routes: {r: {group_by: [type, data.host], group_interval: 5m, to: [b@example.jp]}}"


def test_the_first_of_a_group_is_mailed_at_once_and_the_others_together_later() -> None:
    b = book(GROUPED)
    assert b.tell(data={"host": "db1"}).tells
    for _ in range(3):
        b.wait(60)
        (join,) = b.tell(data={"host": "db1"}).joins
        assert join.group.kind == "grouped"
        assert join.group.routing.labels == (("type", "x"), ("data.host", "db1"))
        assert join.group.routing.reason is not None
        assert join.group.routing.reason.en == (
            "route r: grouped with those of the same type=x, data.host=db1"
        )
    assert b.tell(data={"host": "db2"}).tells  # of another group
    b.wait(119)
    assert len(b.made) == 2
    b.wait(1)
    assert mails(b)[2:] == [((B,), (1, 2, 3))]


def test_further_mails_of_a_group_are_an_interval_apart_and_a_quiet_one_is_forgotten() -> None:
    b = book(GROUPED)
    b.tell()
    b.wait(10)
    b.tell()
    b.wait(290)
    assert len(b.made) == 2
    b.wait(100)
    assert b.tell().joins
    b.wait(200)
    assert len(b.made) == 3
    b.wait(299)
    assert b.tell().joins
    b.wait(1)
    assert len(b.made) == 4
    b.wait(360)
    assert b.state.groups == {}
    assert b.tell().tells


def test_groups_that_are_only_to_be_forgotten_are_so_once_a_minute() -> None:
    b = book(GROUPED + "\nroute_defaults: {max_mails: null}")
    for n in range(60):
        b.tell(data={"host": f"h{n}"})
        b.now += 1
    looks = 0
    while (at := b.state.next_due()) is not None:
        b.now = at
        b.look()
        looks += 1
    assert b.state.groups == {}
    assert looks <= 2


def test_group_wait_lets_the_first_mail_of_a_group_wait_for_more() -> None:
    b = book("routes: {r: {group_wait: 30s}}")
    b.tell(type="a")
    b.wait(20)
    b.tell(type="b")  # without group_by all are one group
    b.wait(9)
    assert b.made == []
    b.wait(1)
    assert mails(b) == [((A,), (0, 1))]
    b.wait(1)
    b.tell()
    b.wait(298)
    assert len(b.made) == 1
    b.wait(1)
    assert len(b.made) == 2


def test_each_route_has_groups_of_its_own() -> None:
    b = book(
        "routes: {one: {continue: true, group_wait: 10s, to: [b@example.jp]},"
        " two: {group_wait: 20s, to: [c@example.jp]}}"
    )
    assert len(b.tell().joins) == 2
    b.wait(20)
    assert mails(b) == [((B,), (0,)), ((C,), (0,))]


def test_values_of_a_group_that_differ_beyond_what_is_kept_are_different_groups() -> None:
    b = book(GROUPED)
    same = "x" * 100_000
    assert b.tell(data={"host": same + "1"}).tells
    assert b.tell(data={"host": same + "2"}).tells
    assert b.tell(data={"host": same + "1"}).joins
    assert sum(map(len, b.rows.values())) < 4000


def test_beyond_the_most_groups_all_others_of_a_route_are_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zaiond.routing.group.MOST_GROUPS", 10)
    b = book("routes: {r: {group_by: [data.n]}}\nroute_defaults: {max_mails: null}")
    for n in range(100):
        b.tell(data={"n": n})
    b.check()
    assert len(b.state.groups) == 11
    b.wait(300)
    b.check()
    assert sum(len(mail.events) for mail in b.made) == 100
    assert len(b.made) == 12


# -- digests


def test_a_digest_takes_all_into_one_mail_at_its_time() -> None:
    b = book('routes: {r: {digest: "0 * * * *"}}')
    b.now = 3600.0 * 400_000 + 60  # a minute past the hour, wherever offsets are whole hours
    for severity in ("debug", "emerg"):
        (join,) = b.tell(severity=severity).joins
        assert join.group.kind == "digest"
    assert join.group.routing.reason is not None
    assert join.group.routing.reason.en == "route r: waits for the digest (0 * * * *)"
    b.wait(3539)
    assert b.made == []
    b.wait(1)
    assert mails(b) == [((A,), (0, 1))]
    b.wait(7200)
    assert len(b.made) == 1  # nothing came: no mail


# -- active_time

OFFICE = """
times: {office: {days: mon-fri, hours: "08:30-18:00", timezone: Asia/Tokyo}}
routes: {r: {active_time: office, to: [b@example.jp]}}
"""
MONDAY = 1_700_438_400.0  # 2023-11-20 09:00 in Tokyo


def test_outside_of_its_active_time_a_route_holds_and_releases_in_one_mail() -> None:
    b = book(OFFICE)
    b.now = MONDAY + 10 * 3600
    for _ in range(3):
        (join,) = b.tell().joins
    assert join.group.kind == "held"
    assert join.group.routing.reason is not None
    assert "active_time office" in join.group.routing.reason.en
    assert "held until" in join.group.routing.reason.en
    b.wait(13.5 * 3600 - 1)
    assert b.made == []
    b.wait(1)
    assert mails(b) == [((B,), (0, 1, 2))]
    assert b.tell().tells


@pytest.mark.parametrize("severity", ["emerg", "alert", "crit"])
def test_emerg_to_crit_always_pass(severity: str) -> None:
    b = book(OFFICE)
    b.now = MONDAY + 10 * 3600
    assert b.tell(severity=severity).tells
    assert b.tell(severity="err").joins


def test_a_group_that_is_due_outside_of_active_time_is_held_with_the_others() -> None:
    b = book(OFFICE.replace("to:", "group_wait: 30m, to:"))
    b.now = MONDAY + 9 * 3600 - 60
    (joined,) = b.tell().joins
    assert joined.group.kind == "grouped"
    b.wait(7200)
    assert b.made == []
    (held,) = b.tell().joins
    assert held.group.kind == "held"
    b.check()
    b.wait(86400)
    assert mails(b) == [((B,), (0, 1))]


def test_a_group_with_an_urgent_event_is_not_held() -> None:
    b = book(OFFICE.replace("to:", "group_wait: 30m, to:"))
    b.now = MONDAY + 9 * 3600 - 60
    b.tell()
    b.tell(severity="crit")
    b.wait(1800)
    assert mails(b) == [((B,), (0, 1))]


# -- max_mails


def test_sixty_mails_an_hour_and_then_one_that_tells_of_all_others() -> None:
    b = book()
    for n in range(500):
        decision = b.tell(severity="crit")
        assert bool(decision.tells) == (n < 60)
    (join,) = decision.joins
    assert join.group.kind == "suppressed"
    assert join.group.routing.reason is not None
    assert join.group.routing.reason.en == "over max_mails 60/h: told in one mail later"
    b.wait(3599)
    assert len(b.made) == 60
    b.wait(61)
    assert mails(b)[60:] == [((A,), tuple(range(60, 500)))]
    assert b.tell().tells


def test_the_limit_counts_for_each_recipient_and_nobody_misses_anything() -> None:
    b = book(
        "route_defaults: {max_mails: 2/h}\n"
        "routes: {both: {match: {type: both}, to: [a@example.jp, b@example.jp]}}"
    )
    b.tell()
    b.tell()
    decision = b.tell(type="both")
    (tell,) = decision.tells
    assert (tell.to, tell.routing.recipients) == ((B,), (B,))
    assert [join.group.routing.recipients for join in decision.joins] == [(A,)]
    b.check()
    b.wait(3661)
    assert mails(b)[-1] == ((A,), (2,))


def test_a_route_with_a_limit_of_its_own_counts_by_itself() -> None:
    b = book(
        "route_defaults: {max_mails: 1/h}\n"
        "routes: {own: {match: {type: own}, max_mails: 2/h}, none: {match: {type: none},"
        " max_mails: null}, other: {match: {type: other}}}"
    )
    assert b.tell(type="other").tells
    assert b.tell().joins
    assert b.tell(type="other").joins
    for told in (True, True, False):
        assert bool(b.tell(type="own").tells) == told
    for _ in range(5):
        assert b.tell(type="none").tells
    b.wait(3661)
    assert sorted(mail.events for mail in b.made[-2:]) == [(1, 2), (5,)]


def test_no_limit_keeps_no_state() -> None:
    b = book("route_defaults: {max_mails: null}")
    for _ in range(100):
        assert b.tell().tells
    assert b.rows == {}


def test_notices_of_the_daemon_are_beyond_the_limit_of_all_together_only() -> None:
    b = book(
        "route_defaults: {max_mails: 1/h}\nroutes: {own: {match: {type: own}, max_mails: 1/h}}"
    )
    for _ in range(3):
        assert b.tell(notice=True).tells
    assert b.tell().tells
    assert b.tell(type="own", notice=True).tells
    assert b.tell(type="own", notice=True).joins


def test_notices_are_beyond_the_limit_where_there_are_no_routes_either() -> None:
    b = book("route_defaults: {max_mails: 1/h}")
    assert b.tell().tells
    for _ in range(3):
        assert b.tell(notice=True).tells


def test_the_mail_of_what_was_over_the_limit_counts_too() -> None:
    b = book("route_defaults: {max_mails: 1/h}")
    b.tell()
    b.tell()
    b.wait(3660)
    assert len(b.made) == 2
    assert b.tell().joins
    b.wait(3600)
    assert len(b.made) == 2


def test_what_is_over_the_limit_of_a_route_waits_for_its_active_time() -> None:
    b = book(OFFICE.replace("to:", "max_mails: 1/h, to:"))
    b.now = MONDAY + 9 * 3600 - 60
    b.tell()
    assert b.tell().joins[0].group.kind == "suppressed"
    b.wait(14.5 * 3600)
    assert len(b.made) == 1
    b.check()
    b.wait(60)
    assert mails(b)[1:] == [((B,), (1,))]


def test_a_groups_mail_that_is_over_the_limit_is_told_with_the_others_later() -> None:
    b = book("route_defaults: {max_mails: 1/h}\nroutes: {r: {match: {type: g}, group_wait: 10s}}")
    b.tell(type="g")
    b.tell()
    b.tell()
    b.wait(10)
    assert mails(b) == [((A,), (1,))]
    b.check()
    b.wait(3661)
    assert mails(b)[1:] == [((A,), (0, 2))]
