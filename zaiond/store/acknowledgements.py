"""Who has said that mail which failed or expired is known (`status --ack`). Operations of the
writer, and which of them counts for a delivery.
"""

from collections.abc import Iterable
from typing import NamedTuple

import apsw
import msgspec

from zaiond.store.events import get_meta, set_meta

META = "acknowledged"
MOST = 100  # older ones are forgotten: what they were about counts for the next one


class Acknowledgement(NamedTuple):
    """What had ended up to `through` (queue time) is known to the user; `at` is by the clock."""

    through: float
    uid: int
    user: str
    at: float


_decode = msgspec.json.Decoder(tuple[Acknowledgement, ...]).decode


def decode(kept: str | float | None) -> tuple[Acknowledgement, ...]:
    """All that there are, in order, from META of the database."""
    return _decode(str(kept)) if kept else ()


def find(db: apsw.Connection) -> tuple[Acknowledgement, ...]:
    """The same, in the writer's transaction."""
    return decode(get_meta(db, META))


def add(db: apsw.Connection, new: Acknowledgement) -> None:
    """Records one."""
    kept = (*find(db), new)[-MOST:]
    set_meta(db, META, msgspec.json.encode(kept).decode())


def of(kept: Iterable[Acknowledgement], ended: float) -> Acknowledgement | None:
    """The first one that counts for a delivery that has ended then."""
    return next((one for one in kept if ended <= one.through), None)
