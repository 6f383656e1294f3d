"""What is in the spool and has not gone on its way, as `status` tells of it. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from zaiond.localtime import rfc3339
from zaiond.text import Language, Text

WAITS_LONG = 3600.0  # seconds: what waits longer should be looked at
_USERS_SHOWN = 3


class Wait(NamedTuple):
    """A user's files that have to wait: how many, since when (seconds since the epoch), and why."""

    files: int
    since: float
    why: Text


class Aside(NamedTuple):
    """A user's files that were put aside: how many, their bytes, and since when."""

    files: int
    size: int
    since: float


class Account(NamedTuple):
    """By user. `fault`: what is wrong with the spool itself."""

    waits: dict[int, Wait]
    aside: dict[int, Aside]
    fault: Text | None


def aside_by_user(
    files: Sequence[tuple[int, int, float]], user_of: Callable[[int], int]
) -> dict[int, Aside]:
    """Of files, each its uid, size, and since when."""
    of: dict[int, Aside] = {}
    for uid, size, since in files:
        user = user_of(uid)
        known = of.get(user, Aside(0, 0, since))
        of[user] = Aside(known.files + 1, known.size + size, min(known.since, since))
    return of


def problems(
    account: Account, now: float, name_of: Callable[[int], str]
) -> Iterator[tuple[str, Text]]:
    """What an administrator should know: a code, and a sentence."""
    if account.fault is not None:
        yield "spool_directory", account.fault
    waits = {u: w for u, w in account.waits.items() if now - w.since > WAITS_LONG}
    if waits:
        files = sum(wait.files for wait in waits.values())
        since = rfc3339(min(wait.since for wait in waits.values()))
        ja = [f"{name_of(user)} {wait.files} 件「{wait.why.ja}」" for user, wait in waits.items()]
        en = [f"{wait.files} of {name_of(user)}: {wait.why.en}" for user, wait in waits.items()]
        yield (
            "spool_waits",
            Text(
                f"スプールの {files} 件のファイルが {since} から受け付けられずに待っています"
                f"（{_some(ja, '、', ' など')}）。解消しだい自動的に受け付けます",
                f"files in the spool have waited since {since}: {files} ({_some(en, '; ', '; …')});"
                " they are taken in by themselves once that is over",
            ),
        )
    if account.aside:
        files = sum(aside.files for aside in account.aside.values())
        since = rfc3339(min(aside.since for aside in account.aside.values()))
        ja = [f"{name_of(user)} {aside.files} 件" for user, aside in account.aside.items()]
        en = [f"{aside.files} of {name_of(user)}" for user, aside in account.aside.items()]
        yield (
            "spool_refused",
            Text(
                f"受け付けられなかったスプールのファイルが {files} 件、{since} から保管されています"
                f"（{_some(ja, '、', ' など')}）。原因を直したら zaiond-ctl spool retry、"
                "不要なら zaiond-ctl spool delete を実行してください",
                f"files of the spool that were refused are kept since {since}: {files}"
                f" ({_some(en, '; ', '; …')}); once mended: zaiond-ctl spool retry; if of no"
                " use: zaiond-ctl spool delete",
            ),
        )


def _some(parts: list[str], separator: str, more: str) -> str:
    shown_ = separator.join(parts[:_USERS_SHOWN])
    return shown_ + (more if len(parts) > _USERS_SHOWN else "")


def document(account: Account, name_of: Callable[[int], str], language: Language) -> dict[str, Any]:
    """As `status --json` has it."""
    return {
        "waiting": [
            {
                "uid": user,
                "user": name_of(user),
                "files": wait.files,
                "since": rfc3339(wait.since),
                "message": wait.why.in_language(language),
            }
            for user, wait in account.waits.items()
        ],
        "refused": [
            {
                "uid": user,
                "user": name_of(user),
                "files": aside.files,
                "bytes": aside.size,
                "since": rfc3339(aside.since),
            }
            for user, aside in account.aside.items()
        ],
    }
