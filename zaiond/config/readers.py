"""Who can read a file on disk, by owners and modes: the daemon must, and others no secret."""

import contextlib
import grp
import os
import pwd
import shlex
import stat
from pathlib import PurePath

from zaiond.config.access import READ, SEARCH, Identity, Inode, denied, may
from zaiond.config.links import follow
from zaiond.text import Text

_USER = _GROUP = "zaiond"
_EMITTERS = "zaiond-emit"


def daemon_identity() -> Identity | None:
    """As whom the service runs, by its unit; None where it isn't installed, or we aren't root."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam(_USER)
    except KeyError:
        return None
    groups = {user.pw_gid, *os.getgrouplist(_USER, user.pw_gid)}
    with contextlib.suppress(KeyError):
        groups.add(grp.getgrnam(_EMITTERS).gr_gid)
    return Identity(_USER, user.pw_uid, user.pw_gid, frozenset(groups))


def refusal(who: Identity | None, path: str, want: int = READ) -> Text | None:
    """The first thing on the way to `path` (absolute), or at its end, that keeps `who` out; None
    stands for ourselves, who have read it."""
    if who is None:
        return None
    links, end = follow(path)
    ways = dict.fromkeys(
        directory
        for each in (*links, end)
        for directory in reversed(list(map(str, PurePath(each).parents)))
    )
    for directory in ways:
        inode = _inode(directory)
        if inode is not None and not may(who, SEARCH, inode):
            return denied(who, path, directory, SEARCH, inode)
    inode = _inode(end)
    if inode is None or may(who, want, inode):
        return None
    return denied(who, path, path if os.path.isdir(end) else None, want, inode)


def _inode(path: str) -> Inode | None:
    """What decides who may do what; None where that is more than the mode."""
    try:
        os.getxattr(path, "system.posix_acl_access")
    except OSError:  # no list
        pass
    else:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None
    return Inode(status.st_uid, status.st_gid, status.st_mode)


def exposed(path: str, status: os.stat_result, reader: Identity | None) -> Text | None:
    """What is said of a file with a secret that others can read, or a group that is not the
    `reader`'s own (ours, if there is none)."""
    own = is_own_group(status.st_gid, os.getegid() if reader is None else reader.gid)
    group = "" if own or not status.st_mode & stat.S_IRGRP else _group_name(status.st_gid)
    if status.st_mode & stat.S_IROTH:
        who = Text("だれでも読める状態です", "everybody can read it")
    elif group:
        who = Text(f"グループ {group} から読めます", f"the group {group} can read it")
    else:
        return None
    file = shlex.quote(path)
    if reader is not None:
        command = f"chgrp {_GROUP} {file}; chmod 640 {file}"
    else:
        command = f"chmod {'go' if group else 'o'}-rwx {file}"
    return Text(
        ja=f"{path} は秘密（パスワードなど）を含みますが、{who.ja}。"
        f"次のコマンドを実行してください: {command}",
        en=f"{path} holds a secret, and {who.en}; run: {command}",
    )


def is_own_group(gid: int, own: int | None = None) -> bool:
    """Whether a file of this group may be read by it although it holds a secret; `own` is our
    group, or that of who asks."""
    # Never a supplementary group: the daemon's zaiond-emit is that of all who may emit.
    return gid == (os.getegid() if own is None else own) or _group_name(gid) == _GROUP


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
