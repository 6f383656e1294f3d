import pytest

from zaiond.routing.route import Dropped, route

ADMINS = ("a@example.co.jp", "b@example.co.jp")
BACKUP = [f"backup.auto_update.{end}" for end in ("started", "finished", "failed", "x.y")]


@pytest.mark.parametrize("event_type", [*BACKUP, "disk.full"])
def test_every_event_goes_to_the_admins(event_type: str) -> None:
    assert route(event_type, admins=ADMINS, notify_backup_auto_update=True) == ADMINS


@pytest.mark.parametrize("event_type", BACKUP)
def test_the_setting_drops_the_backups_automatic_updates_and_is_named(event_type: str) -> None:
    dropped = route(event_type, admins=ADMINS, notify_backup_auto_update=False)
    assert isinstance(dropped, Dropped)
    assert "notify.backup_auto_update" in dropped.reason.en
    assert "notify.backup_auto_update" in dropped.reason.ja
    # The outcome stands before it, wherever it is shown.
    assert "送信対象外" not in dropped.reason.ja
    assert "dropped" not in dropped.reason.en


@pytest.mark.parametrize(
    "event_type", ["backup.auto_update", "backup.auto_updates.x", "my.backup.auto_update.failed"]
)
def test_the_setting_drops_nothing_else(event_type: str) -> None:
    assert route(event_type, admins=ADMINS, notify_backup_auto_update=False) == ADMINS
