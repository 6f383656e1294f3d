"""What routing remembers and all hubs must know: problems, jobs, silences, and how much was sent.

Pure. It is kept in the engine's bucket, in a bounded number of shards: a shard is all of one kind
whose keys have the same digest, and is written whole when one of them has changed. So a key that is
forgotten leaves nothing behind. Numbers of machines are one hub's own, so that here a problem has
its machine by name.
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import structs

from zaiond.fleet.machines import Machines
from zaiond.routing.records import JobState, Problem, Sent, Silence, Value, Watch, is_shared
from zaiond.routing.state import Kind, State
from zaiond.users import NO_UID

PREFIX = "state"  # of its keys
SHARDS = 256
_TYPES: dict[Kind, type[Value]] = {
    "problem": Problem, "job": JobState, "silence": Silence, "sent": Sent, "meta": Watch,
}  # fmt: skip
_encode = msgspec.json.Encoder().encode


class Record(msgspec.Struct, omit_defaults=True):
    """One thing of a shard. `key` is its key in `State`; of a machine's problem without the uid.
    `user` is what the machine calls the problem's user, '' where no name is known.
    """

    key: str
    value: msgspec.Raw
    machine: str | None = None
    user: str = ""


_decode = msgspec.json.Decoder(list[Record]).decode


class Shared:
    """Which shards must be written, of the routing state of a hub."""

    def __init__(self, state: State, machines: Machines) -> None:
        self._state = state
        self._machines = machines
        self._keys: dict[str, dict[tuple[Kind, str], None]] = {}  # what each shard has had
        self._changed: dict[str, None] = {}

    def note(self, changed: Iterable[tuple[Kind, str]]) -> None:
        """These have changed."""
        for kind, key in changed:
            shard = self._shard(kind, key)
            if shard is not None:
                self._keys.setdefault(shard, {})[kind, key] = None
                self._changed[shard] = None

    def keep(self, found: Mapping[str, bytes]) -> None:
        """What is remembered here is newer than what the bucket has: to be written where it
        differs.
        """
        self._keys, self._changed = {}, {}
        for kind in _TYPES:
            self.note((kind, key) for key in self._state.values(kind))
        there = (shard for shard in found if shard.split(".")[1] in _TYPES)
        shards = dict.fromkeys([*self._changed, *there])
        self._changed = {s: None for s in shards if self._value(s) != found.get(s)}

    @property
    def is_changed(self) -> bool:
        """Whether something is to be written."""
        return bool(self._changed)

    def take(self) -> dict[str, bytes]:
        """What is to be written, by the bucket's keys; `note_shards` takes back what could not."""
        shards, self._changed = self._changed, {}
        return {shard: self._value(shard) for shard in shards}

    def note_shards(self, shards: Iterable[str]) -> None:
        """These are to be written again."""
        self._changed |= dict.fromkeys(shards)

    def _value(self, shard: str) -> bytes:
        records: list[Record] = []
        for kind, key in list(self._keys.get(shard, ())):
            value = self._state.values(kind).get(key)
            if value is None or (isinstance(value, Problem) and not is_shared(value)):
                del self._keys[shard][kind, key]
                continue
            machine, user = None, ""
            if isinstance(value, Problem):
                # Its row is this hub's own; of what opened it the id is known.
                machine = self._machines.machine_of(value.uid)
                user = self._machines.user_of(value.uid)
                key = key if value.job is not None else _within(key)
                value = structs.replace(value, event=0, uid=value.uid & NO_UID)
            records.append(Record(key, msgspec.Raw(_encode(value)), machine, user))
        return _encode(records)

    def _shard(self, kind: Kind, key: str) -> str | None:
        """The shard of a thing; None: it is not shared."""
        if kind not in _TYPES:
            return None
        machine = ""
        if kind == "problem" and not key.startswith("job "):
            uid = int(key.partition(" ")[0])
            if uid <= NO_UID:
                return None
            machine, key = self._machines.machine_of(uid) or "", _within(key)
        digest = hashlib.sha256(f"{machine}\n{key}".encode(errors="replace")).digest()
        return f"{PREFIX}.{kind}.{digest[0] % SHARDS}"

    def adopt(self, found: Mapping[str, bytes]) -> int:
        """Puts what the bucket has in the place of what was remembered, to be committed; gives how
        many shards can't be read.
        """
        unread = 0
        known: dict[Kind, dict[str, Value]] = {kind: {} for kind in _TYPES}
        self._keys, self._changed = {}, {}
        for shard, content in found.items():
            kind = shard.split(".")[1]
            try:
                records = _decode(content)
                for name in _TYPES:
                    if name == kind:
                        known[name] |= dict(self._read(name, one) for one in records)
            except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
                unread += 1
        for kind, values in known.items():
            for key, there in list(self._state.values(kind).items()):
                is_ours = isinstance(there, Problem) and not is_shared(there)
                if key not in values and not is_ours:
                    self._state.put(kind, key, None)
            for key, value in values.items():
                if self._state.values(kind).get(key) != value:
                    self._state.put(kind, key, value)
                shard_ = self._shard(kind, key)
                if shard_ is not None:
                    self._keys.setdefault(shard_, {})[kind, key] = None
        return unread

    def _read(self, kind: Kind, record: Record) -> tuple[str, Value]:
        value = msgspec.json.decode(record.value, type=_TYPES[kind])
        if not isinstance(value, Problem) or record.machine is None:
            return record.key, value
        uid = self._machines.uid(record.machine, value.uid, record.user)
        if uid is None:
            raise ValueError(record.machine)
        key = record.key if value.job is not None else f"{uid} {record.key}"
        return key, structs.replace(value, uid=uid)

    def forget(self) -> None:
        """Another hub looks after jobs and problems: forgets them, to be committed."""
        self._keys, self._changed = {}, {}
        for key in list(self._state.values("job")):
            self._state.put("job", key, None)
        for key, problem in list(self._state.values("problem").items()):
            if is_shared(problem):
                self._state.put("problem", key, None)


def _within(key: str) -> str:
    """The key of a problem without the uid before it."""
    return key.partition(" ")[2]
