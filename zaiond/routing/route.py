"""Where an event goes, and why: the reason is what `zaiond-ctl history` prints.

Without routes every event is mailed to the admins at once (interface 7).
"""

import msgspec

from zaiond.text import Text


class Dropped(msgspec.Struct, frozen=True):
    """The event is recorded and not mailed."""

    reason: Text


_BACKUP_AUTO_UPDATE_OFF = Text(
    "設定 notify.backup_auto_update が false のため",
    "the setting notify.backup_auto_update is false",
)


def route(
    event_type: str, *, admins: tuple[str, ...], notify_backup_auto_update: bool
) -> tuple[str, ...] | Dropped:
    """Who gets the events of this type, written as in the configuration: the `admins`, unless the
    settings say otherwise.
    """
    if not notify_backup_auto_update and event_type.startswith("backup.auto_update."):
        return Dropped(_BACKUP_AUTO_UPDATE_OFF)
    return admins
