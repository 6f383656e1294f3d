"""What a file of the spool, and the spool itself, must be by inode(7). Pure: what the file system
says of them is an argument.
"""

import stat

from zaiond import wire
from zaiond.intake.spool_names import SUFFIX
from zaiond.text import Text


def why_foreign(name: str, mode: int, links: int, size: int) -> Text | None:
    """Why a file is none that a producer should leave here, by its name and inode(7); or None."""
    if not stat.S_ISREG(mode) or links != 1:
        return Text("通常のファイルではありません", "not a regular file of its own")
    if not name.endswith(SUFFIX):
        return Text("名前が .json で終わっていません", "its name does not end in .json")
    if size > wire.MAX_SPOOL_FILE_BYTES:
        return Text("1 MiB を超えています", "it is over 1 MiB")
    return None


def why_kept_from_us(mode: int, group: int, spool_mode: int, spool_group: int) -> Text | None:
    """Why a file that we may not open is its owner's doing; None where it is none of his: a file as
    interface 4 wants it has mode 0640, and the spool's group by its setgid bit.
    """
    if not mode & stat.S_IRGRP:
        return Text(
            f"グループに読み取り権限がありません（モード {mode & 0o777:04o}）。0640 にしてください",
            f"its group may not read it (mode {mode & 0o777:04o}): it must be 0640",
        )
    if spool_mode & stat.S_ISGID and group != spool_group:
        return Text(
            "グループがスプールのグループと異なります", "its group is not the spool's group"
        )
    return None


def why_unsafe(path: str, mode: int, owner: str | None, group: str, us: str) -> Text | None:
    """Who can do in the spool directory what nobody should, or None. `owner` is None where it is
    us; `us` is the daemon's user.
    """
    ja: list[str] = []
    en: list[str] = []
    if owner is not None:
        ja.append(f"所有者の {owner} が、中のファイルを自由に削除、置き換えできます")
        en.append(f"it belongs to {owner}, who can delete and replace what is there")
    by_all, by_group = bool(mode & stat.S_IWOTH), bool(mode & stat.S_IWGRP)
    who_ja = "すべてのユーザー" if by_all else f"グループ {group} の全員"
    who_en = "every user" if by_all else f"every member of the group {group}"
    if by_all:
        ja.append("すべてのユーザーがイベントを置けます")
        en.append("every user can leave events there")
    if by_all or by_group:
        if not mode & stat.S_ISVTX:
            ja.append(f"{who_ja}が、ほかのユーザーのイベントを削除、置き換えできます")
            en.append(f"{who_en} can delete and replace the events of others")
        if mode & stat.S_IRGRP or (by_all and mode & stat.S_IROTH):
            ja.append(f"{who_ja}が一覧を見て、ほかのユーザーのイベントを読めます")
            en.append(f"{who_en} can list it, and so read the events of others")
        if not mode & stat.S_ISGID:
            ja.append("zaiond が読めないファイルができます（setgid がありません）")
            en.append("the daemon can't read what is left there (it has no setgid bit)")
    if not ja:
        return None
    mend = f"chown {us}:zaiond-emit {path}; chmod 3730 {path}"
    return Text(
        f"スプール {path} の所有者かモードが正しくありません（モード {mode & 0o7777:04o}）:"
        f" {'。'.join(ja)}。修正するには: {mend}",
        f"the owner or mode of the spool {path} is not right (mode {mode & 0o7777:04o}):"
        f" {'; '.join(en)}. To mend it: {mend}",
    )
