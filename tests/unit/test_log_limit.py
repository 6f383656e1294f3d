"""How many lines others can make in the journal."""

from zaiond.log_limit import BURST, MOST_A_SECOND, MOST_CAUSES, LogLimit


def test_one_line_a_second_for_each_and_what_was_left_out_is_told_in_the_next() -> None:
    limit = LogLimit()
    assert limit.admit(1, 0.0) == 0
    assert [limit.admit(1, 0.5) for _ in range(764)] == [None] * 764
    assert limit.admit(2, 0.5) == 0
    assert limit.admit(1, 1.0) == 764
    assert limit.admit(1, 2.0) == 0


def test_so_many_a_second_over_all_however_many_there_are() -> None:
    limit = LogLimit()
    told = [limit.admit(uid, second + 0.5) for second in range(5) for uid in range(100)]
    assert len([line for line in told if line is not None]) == 5 * MOST_A_SECOND


def test_a_server_may_have_several_lines_at_once_and_then_one_a_second() -> None:
    limit = LogLimit()
    for second in range(0, 100, 50):  # and the same again after a time of quiet
        told = [limit.admit("mailhost down", second + 0.5) for _ in range(3 * BURST)]
        assert told == [0] * BURST + [None] * 2 * BURST
        assert limit.admit("mailhost down", second + 1.4) is None
        assert limit.admit("mailhost down", second + 1.5) == 2 * BURST + 1
        assert limit.admit("mailhost down", second + 1.5) is None
        assert limit.left_out() == 1


def test_users_leave_no_line_of_a_server_out_nor_a_server_theirs() -> None:
    limit = LogLimit()
    for server in range(MOST_A_SECOND):
        assert limit.admit(f"{server} down", 0.0) == 0
    assert limit.admit(1, 0.0) == 0
    for uid in range(100):
        limit.admit(uid, 0.0)
    assert limit.admit("mailhost down", 0.0) == 0


def test_what_was_left_out_is_told_once() -> None:
    limit = LogLimit()
    for cause in (1, 1, 1, 2, 2):
        limit.admit(cause, 0.0)
    assert limit.left_out() == 3
    assert limit.left_out() == 0
    assert limit.admit(1, 0.5) is None  # which is no sooner for that
    assert limit.admit(1, 1.0) == 1


def test_what_is_kept_of_those_who_cause_lines_has_a_bound_and_no_count_is_lost() -> None:
    limit = LogLimit()
    written = left_out = 0
    for uid in range(5 * MOST_CAUSES):
        for _ in range(3):
            told = limit.admit(uid, uid / 100)
            written += told is not None
            left_out += told or 0
    assert len(limit._of) <= MOST_CAUSES
    for second in range(2 * MOST_CAUSES // MOST_A_SECOND):
        for uid in range(MOST_A_SECOND):
            cause = 4 * MOST_CAUSES + second * MOST_A_SECOND + uid
            told = limit.admit(cause, 1000.0 + second)
            written += 1
            left_out += told or 0
    sent = 3 * 5 * MOST_CAUSES + 2 * MOST_CAUSES
    assert written + left_out == sent


def test_files_of_a_user_in_the_spool_are_no_way_around_what_all_users_may_have() -> None:
    limit = LogLimit()
    told = [limit.admit(("moved", uid % 20), 0.0) for uid in range(200)]
    assert len([line for line in told if line is not None]) == MOST_A_SECOND
