"""What a command raises when it can't do what it should, and the exit statuses (interface 5)."""

FAILED, USAGE = 1, 2
ADMINISTRATORS = "zaiond-admin"  # the group of the control socket
# sysexits.h
BAD_EVENT, UNREACHABLE, TRY_AGAIN, NOT_PERMITTED, BAD_CONFIG = 65, 69, 75, 77, 78


class Failure(Exception):  # noqa: N818 - a command's failure, not an error of the program
    """Ends the command with `status`; `ja` and `en` say what is wrong and what to do."""

    def __init__(self, status: int, ja: str, en: str) -> None:
        super().__init__(en)
        self.status = status
        self.ja = ja
        self.en = en


class NoDaemon(Failure):
    """No daemon answers at the control socket."""


class Unwritable(Failure):
    """Standard output can't be written."""


def not_permitted(path: str, group: str | None = None) -> Failure:
    """A file, directory or socket that this user may not use; root may, and members of `group`."""
    ja = "root で実行してください（例: sudo zaiond-ctl …）"
    en = "run this as root (as: sudo zaiond-ctl …)"
    if group is not None:
        ja = (
            f"グループ {group} に参加するか（例: usermod -aG {group} ユーザー名。"
            f"次回のログインから有効です）、{ja}"
        )
        en = f"join the group {group} (as: usermod -aG {group} USER; then log in again), or {en}"
    return Failure(
        NOT_PERMITTED, f"{path}: 権限がありません。{ja}", f"{path}: permission denied: {en}"
    )
