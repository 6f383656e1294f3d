"""What a user may do with a file by its mode (POSIX.1 "File Access Permissions").

Access control lists and capabilities are not known here: who asks leaves out what has a list.
"""

import shlex
from typing import NamedTuple

from zaiond.text import Text

READ, SEARCH = 4, 1


class Identity(NamedTuple):
    """Whom the kernel takes a process for; `groups` has `gid`, too."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]


class Inode(NamedTuple):
    """Whose a file is, and its permissions."""

    uid: int
    gid: int
    mode: int


def may(who: Identity, want: int, of: Inode) -> bool:
    """Whether it may: the first class that it belongs to decides, however much the others may."""
    if who.uid == 0:
        return True
    shift = 6 if who.uid == of.uid else 3 if of.gid in who.groups else 0
    return of.mode >> shift & want == want


def denied(who: Identity, path: str, directory: str | None, want: int, of: Inode) -> Text:
    """What is said of what `who` may not do: read `path`, or enter or list `directory` on the way.

    What it says to run is the least that mends it, and lets nobody else in.
    """
    name = who.name
    if directory is None:
        file = shlex.quote(path)
        command = f"chgrp {name} {file}; chmod 640 {file}"
        return Text(
            ja=f"{path} をデーモン（ユーザー {name}）が読めません。次のコマンドを実行してください: "
            f"{command}",
            en=f"the daemon (user {name}) can't read {path}; run: {command}",
        )
    bits = ("r" if want & READ else "") + "x"
    place = shlex.quote(directory)
    if of.uid == who.uid:
        command = f"chmod u+{bits} {place}"
    else:
        command = f"chgrp {name} {place}; chmod g+{bits} {place}"
    return Text(
        ja=f"{path} までの途中のディレクトリ {directory} を、デーモン（ユーザー {name}）が"
        f"開けません。ファイルを /etc/zaiond の下に移すか、次のコマンドを実行してください: "
        f"{command}",
        en=f"the daemon (user {name}) can't enter the directory {directory} on the way to {path}; "
        f"move the file below /etc/zaiond, or run: {command}",
    )
