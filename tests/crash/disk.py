"""What a disk may hold after a power cut: images of directories, made of a trace.

What was synced is there. Of the rest each write may be there or not, whole or some of its sectors,
in any order; so may each name that was made, changed or taken away in a directory that was not
synced since.
"""

import os
import random
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from tests.crash.trace import Call

SECTOR = 512  # what a disk writes whole; SQLite counts on no other byte being changed


class Change(NamedTuple):
    """Something done to a file (`at` is where `data` goes, or the size that it gets), or to a
    directory (`name` then leads to `file`, and `before` no more).
    """

    what: Literal["write", "size", "name"]
    begun: int
    ended: int
    at: int = 0
    data: bytes = b""
    name: str = ""
    file: int = -1
    before: str = ""


@dataclass
class Node:
    """A file or directory: what was done to it, and when it was synced (begun, ended)."""

    is_directory: bool
    changes: list[Change] = field(default_factory=list)
    syncs: list[tuple[int, int]] = field(default_factory=list)
    position: int = 0

    def synced_at(self, cut: int) -> int:
        """How many of the changes are on disk for certain after a cut there."""
        begun = max((b for b, e in self.syncs if e <= cut), default=-1)
        return bisect_left([change.ended for change in self.changes], begun)


class Disk:
    """The directories `roots`, empty at first, and what `calls` do below them."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.nodes: list[Node] = []
        self._names: dict[str, int] = {}  # by path, as the kernel has them
        self._open: dict[int, int] = {}  # by descriptor
        self._positions: dict[int, int] = {}
        self.roots = {str(root): self._make(str(root), True) for root in roots}

    def _make(self, path: str, is_directory: bool) -> int:
        self._names[path] = len(self.nodes)
        self.nodes.append(Node(is_directory))
        return len(self.nodes) - 1

    def put(self, path: Path, content: bytes, place: int) -> None:
        """Somebody else has put a file there, durably, before this place in the trace."""
        file = self._make(str(path), False)
        self.nodes[file].changes.append(Change("write", place - 1, place - 1, 0, content))
        self.nodes[file].syncs.append((place, place))
        self._name(str(path), file, place - 1, place - 1)
        self.nodes[self._names[str(path.parent)]].syncs.append((place, place))

    def lives(self, calls: Iterable[Call]) -> None:
        """A process has made these calls; nothing is open at its start."""
        self._open.clear()
        for call in calls:
            self._take(call)

    def _take(self, call: Call) -> None:
        name, place = call.name, (call.begun, call.ended)
        if name == "openat":
            self._opened(call)
        elif name == "close":
            self._open.pop(call.file, None)
        elif name.startswith(("rename", "unlink", "rmdir", "mkdir")):
            paths = [os.fsdecode(one) for one in call.strings]
            if os.path.dirname(paths[0]) not in self._names:
                return
            if len({os.path.dirname(one) for one in paths}) > 1:
                raise AssertionError(f"{call}: an image might have it twice, or not at all")
            if name.startswith("mkdir"):
                self._name(paths[0], self._make(paths[0], True), *place)
                return
            file = self._names.pop(paths[0])
            if name.startswith("rename"):
                self._names[paths[1]] = file
                self._name(paths[1], file, *place, before=paths[0])
            else:
                self._name("", file, *place, before=paths[0])
        elif (file_of := self._open.get(call.file)) is not None:
            node = self.nodes[file_of]
            if name in ("fsync", "fdatasync"):
                node.syncs.append(place)
            elif name == "pwrite64":
                node.changes.append(Change("write", *place, call.numbers[-1], call.strings[0]))
            elif name == "write":
                data = call.strings[0][: call.result]
                node.changes.append(Change("write", *place, node.position, data))
                node.position += len(data)
            elif name == "ftruncate":
                node.changes.append(Change("size", *place, call.numbers[-1]))
            elif name == "fallocate":
                node.changes.append(Change("size", *place, sum(call.numbers[-2:])))
            elif name != "fstatfs":
                raise AssertionError(f"{call}: an image would lack that")

    def _opened(self, call: Call) -> None:
        path = os.fsdecode(call.strings[0])
        self._open.pop(call.result, None)
        if path not in self._names:
            if "O_CREAT" not in call.flags or os.path.dirname(path) not in self._names:
                return
            self._name(path, self._make(path, False), call.begun, call.ended)
        file = self._open[call.result] = self._names[path]
        node = self.nodes[file]
        node.position = 0
        if "O_TRUNC" in call.flags and node.changes:
            node.changes.append(Change("size", call.begun, call.ended, 0))

    def _name(self, path: str, file: int, begun: int, ended: int, before: str = "") -> None:
        directory, name = os.path.split(path or before)
        change = Change(
            *("name", begun, ended),
            name=name if path else "",
            file=file,
            before=os.path.basename(before),
        )
        self.nodes[self._names[directory]].changes.append(change)

    def image(self, cut: int, dice: random.Random) -> dict[str, "Image"]:
        """What each root may hold after a power cut at this place in the trace."""
        how = _How(dice)
        return {
            root: self._directory(self.nodes[node], cut, how) for root, node in self.roots.items()
        }

    def _directory(self, node: Node, cut: int, how: "_How") -> "Image":
        names: dict[str, int] = {}
        for change, is_synced in _until(node, cut):
            if is_synced or how.is_there():
                if names.get(change.before) == change.file:
                    del names[change.before]
                if change.name:
                    names[change.name] = change.file
        files: dict[str, bytes] = {}
        directories: dict[str, Image] = {}
        for name, file in names.items():
            found = self.nodes[file]
            if found.is_directory:
                directories[name] = self._directory(found, cut, how)
            else:
                files[name] = self._content(found, cut, how)
        return Image(files, directories)

    def _content(self, node: Node, cut: int, how: "_How") -> bytes:
        content = bytearray()
        for change, is_synced in _until(node, cut):
            if change.what == "size":
                if is_synced or how.is_there():
                    del content[change.at :]
                    content.extend(bytes(change.at - len(content)))
                continue
            for at, data in [(change.at, change.data)] if is_synced else how.parts(change):
                content.extend(bytes(max(0, at + len(data) - len(content))))
                content[at : at + len(data)] = data
        return bytes(content)


def _until(node: Node, cut: int) -> Iterator[tuple[Change, bool]]:
    synced = node.synced_at(cut)
    for number, change in enumerate(node.changes):
        if change.begun > cut:
            return
        yield change, number < synced


@dataclass
class Image:
    """A directory."""

    files: dict[str, bytes]
    directories: dict[str, "Image"]

    def lay(self, directory: Path) -> None:
        """Writes it there."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            with (directory / name).open("wb") as file:
                if content.count(0) < len(content):
                    file.write(content)
                else:
                    file.truncate(len(content))  # the ballast
        for name, below in self.directories.items():
            below.lay(directory / name)


class _How:
    """What one disk has kept of what was not synced."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._odds = dice.choice((0.0, 0.5, 0.9, 1.0))
        self._tears = dice.random() < 0.5

    def is_there(self) -> bool:
        return self._dice.random() < self._odds

    def parts(self, change: Change) -> Iterator[tuple[int, bytes]]:
        if not self._tears:
            if self.is_there():
                yield change.at, change.data
            return
        at, data = change.at, change.data
        while data:
            size = SECTOR - at % SECTOR
            if self.is_there():
                yield at, data[:size]
            at, data = at + size, data[size:]
