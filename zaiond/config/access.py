"""Who can read a file, by owners and modes (POSIX.1 "File Access Permissions"): the daemon must,
and others no secret. A file with an access control list is left to the kernel.
"""

import contextlib
import grp
import os
import pwd
import shlex
import stat
from pathlib import PurePath
from typing import NamedTuple

from zaiond.atomicfile import Owner, owner
from zaiond.config import words
from zaiond.text import Text

_MOST_LINKS = 40  # as the kernel's own limit


def follow(path: str) -> tuple[list[str], str]:
    """The symbolic links on the way to `path` (absolute), and where it ends, existing or not."""
    links: list[str] = []
    done = "/"
    ahead = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    while ahead:
        part = ahead.pop()
        if part == "..":
            done = os.path.dirname(done)
            continue
        step = os.path.join(done, part)
        try:
            target = os.readlink(step) if len(links) < _MOST_LINKS else ""
        except OSError:  # no link
            target = ""
        if target:
            links.append(step)
            if target.startswith("/"):
                done = "/"
            ahead += [each for each in reversed(target.split("/")) if each not in ("", ".")]
        else:
            done = step
    return links, done


READ, SEARCH = 4, 1


class Identity(NamedTuple):
    """Whom the kernel takes a process for; `groups` has `gid`, too."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]


def may(who: Identity, want: int, of: Owner) -> bool:
    """Whether it may: the first class that it belongs to decides, however much the others may."""
    if who.uid == 0:
        return True
    shift = 6 if who.uid == of.uid else 3 if of.gid in who.groups else 0
    return of.mode >> shift & want == want


def denied(who: Identity, path: str, directory: str | None, want: int, of: Owner) -> Text:
    """What is said of what `who` may not do: read `path`, or enter or list `directory` on the way.
    What it says to run is the least that mends it, and lets nobody else in."""
    name = who.name
    if directory is None:
        file = shlex.quote(path)
        command = f"chgrp {name} {file}; chmod 640 {file}"
        return words.cannot_read(path=path, name=name, command=command)
    bits = ("r" if want & READ else "") + "x"
    place = shlex.quote(directory)
    if of.uid == who.uid:
        command = f"chmod u+{bits} {place}"
    else:
        command = f"chgrp {name} {place}; chmod g+{bits} {place}"
    return words.cannot_enter(path=path, directory=directory, name=name, command=command)


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


def credentials() -> str | None:
    """Where systemd put the daemon's credentials: root can read them while it runs."""
    for path in (os.environ.get("CREDENTIALS_DIRECTORY"), "/run/credentials/zaiond.service"):
        try:
            if path and os.listdir(path):
                return path
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:  # whoever asks for one is told
            return path
    return None


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


def _inode(path: str) -> Owner | None:
    """What decides who may do what; None where that is more than the mode."""
    try:
        os.getxattr(path, "system.posix_acl_access")
    except OSError:  # no list
        pass
    else:
        return None
    try:
        return owner(os.stat(path))
    except OSError:
        return None


def exposed(path: str, status: os.stat_result, reader: Identity | None) -> Text | None:
    """What is said of a file with a secret that others can read, or a group that is not the
    `reader`'s own (ours, if there is none)."""
    own = is_own_group(status.st_gid, os.getegid() if reader is None else reader.gid)
    group = "" if own or not status.st_mode & stat.S_IRGRP else _group_name(status.st_gid)
    if status.st_mode & stat.S_IROTH:
        who = words.EVERYBODY_CAN_READ
    elif group:
        who = words.group_can_read(group=group)
    else:
        return None
    file = shlex.quote(path)
    if reader is not None:
        command = f"chgrp {_GROUP} {file}; chmod 640 {file}"
    else:
        command = f"chmod {'go' if group else 'o'}-rwx {file}"
    return words.exposed(path=path, command=command, who=who)


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
