"""What a command raises when it can't do what it should, and the exit statuses (interface 5)."""

FAILED, USAGE = 1, 2
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


def not_permitted(path: str) -> Failure:
    """A file or directory that only root and the daemon may use."""
    return Failure(
        NOT_PERMITTED,
        f"{path}: 権限がありません。root で実行してください（例: sudo zaiond-ctl …）",
        f"{path}: permission denied. Run this as root (as: sudo zaiond-ctl …)",
    )
