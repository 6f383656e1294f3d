"""The machines of a fleet as a hub knows them."""

import msgspec
import pytest

from zaiond.fleet import machines as module
from zaiond.fleet.machines import Machines
from zaiond.users import NO_UID, UserNames, UserOf


def kept(machines: Machines) -> dict[str, str]:
    return {name: msgspec.json.encode(row).decode() for name, row in machines.take().items()}


def test_numbers_and_names_outlive_a_restart() -> None:
    before = Machines({})
    uids = [before.uid(name, 1000, "tom") for name in ("web1", "web2", "web1")]
    assert uids[0] == uids[2] != uids[1]
    after = Machines(kept(before))
    assert [after.uid(name, 1000, "tom") for name in ("web1", "web2")] == uids[:2]
    assert after.take() == {}
    assert after.called(uids[1] or 0) == "tom@web2"
    assert after.machine_of(uids[1] or 0) == "web2"


def test_what_comes_while_others_are_put_to_disk_is_to_be_kept_too() -> None:
    machines = Machines({})
    machines.uid("web1", 1000, "tom")
    under_way = machines.take()
    machines.uid("web2", 1000, "ann")
    assert list(machines.take()) == ["machine 2"]
    assert machines.take() == {}
    machines.not_kept(under_way)
    assert list(machines.take()) == ["machine 1"]


def test_a_user_without_a_name_is_shown_by_his_number_there() -> None:
    machines = Machines({})
    assert machines.called(machines.uid("web1", 1234, "") or 0) == "uid 1234@web1"
    assert machines.called(machines.uid("web1", None, "") or 0) == "web1"
    assert machines.called(99 << 32 | 5) == "uid 5@?"


def test_a_name_is_bounded_and_commands_no_terminal() -> None:
    machines = Machines({})
    shown = machines.called(machines.uid("web1", 1, "a\x1b[31m\n" + "b" * 1000) or 0)
    assert shown.isprintable()
    assert len(shown) < 100


def test_there_is_a_bound_on_machines_and_on_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    monkeypatch.setattr(module, "MOST_USERS", 2)
    machines = Machines({})
    for uid in range(4):
        machines.uid("web1", uid, f"u{uid}")
    assert machines.called(machines.uid("web1", 3, "u3") or 0) == "uid 3@web1"
    assert machines.uid("web2", 0, "") is not None
    assert machines.uid("web3", 0, "") is None


def test_who_is_called_so_is_found_again_and_nobody_else() -> None:
    machines = Machines({})
    for machine in ("web1", "web2"):
        for found in (
            machines.uid(machine, 0, "root"), machines.uid(machine, 7, ""),
            machines.uid(machine, 8, "a@b"), machines.uid(machine, None, ""),
        ):  # fmt: skip
            assert found is not None
            assert machines.uid_of(machines.called(found)) == found
    for nobody in ("root", "tom@web1", "root@web3", "uid 0@web1", "uid 99999999999@web1", "@web1"):
        assert machines.uid_of(nobody) is None


def test_rows_that_can_not_be_read_are_left_out() -> None:
    machines = Machines({"machine 1": "no json", "machine x": '{"name":"a"}'})
    assert machines.uid("web1", 0, "root") == 1 << 32


def test_all_users_of_a_machine_are_one_user_here_and_have_its_names() -> None:
    machines = Machines({})
    tom, root = machines.uid("web1", 1000, "tom") or 0, machines.uid("web1", 0, "root") or 0
    user_of, names = UserOf(lambda: 0.0, "/nonexistent"), UserNames(lambda: 0.0)
    assert user_of(tom) == user_of(root) == machines.uid("web1", None, "") == 1 << 32 | NO_UID
    assert user_of(1000) == 1000
    names.abroad = machines.called
    assert names.shown(root) == "root@web1"
    assert names.shown(user_of(tom)) == "web1"
