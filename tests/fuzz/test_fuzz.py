"""Whatever comes from a producer, a server, an editor or an endpoint: our own errors only, and no
work that grows faster than what came.

`make fuzz` goes on for a time (SECONDS=60 for each kind) from another seed each time; what it finds
is kept in tests/fuzz/corpus.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.fuzz.fuzzing import Finding, calls, fuzz, inputs, kept
from tests.fuzz.targets import TARGETS
from zaiond import event_rules, pop3
from zaiond.config import parse
from zaiond.intake.connection import EventConnection
from zaiond.message import address
from zaiond.oauth import protocol
from zaiond.smtp import ntlm
from zaiond.smtp.syntax import ReplyParser

SECONDS = float(os.environ.get("ZAIOND_FUZZ_SECONDS", "0"))
COUNTS = {"config": 30, "wire": 30, "smtp": 30}  # the others are cheaper
COUNT = 100
SIZE = 2000 if SECONDS else 1000  # bytes


@pytest.mark.parametrize("kind", TARGETS)
def test_any_input_is_taken_or_refused_by_our_own_error(kind: str) -> None:
    target = TARGETS[kind]
    if not SECONDS:
        fuzz(kind, target, count=COUNTS.get(kind, COUNT))
        return
    seed = time.time_ns()
    try:
        done = fuzz(kind, target, seconds=SECONDS, seed=seed)
    except Finding as finding:
        pytest.fail(f"kept as {finding.keep()} (seed {seed})\n{finding}")
    print(f"{kind}: {done} inputs from seed {seed}")


@pytest.mark.parametrize("kind", TARGETS)
def test_the_work_grows_no_faster_than_the_input(kind: str) -> None:
    # Calls are counted, not time: four times as much of the same may cost little more than that.
    for data in kept(kind).values():
        TARGETS[kind](data)  # what is imported or compiled at first use is no work of it
    for name, data in kept(kind).items():
        head = data[:1] if kind in ("smtp", "pop") else b""
        body = data[len(head) :][:SIZE]
        small, large = (head + body * (size // max(1, len(body))) for size in (SIZE, 4 * SIZE))
        spent, allowed = calls(TARGETS[kind], large), 6 * calls(TARGETS[kind], small) + 5000
        assert spent <= allowed, name


def test_the_same_seed_gives_the_same_inputs() -> None:
    for kind in TARGETS:
        first, again, other = (inputs(kind, seed) for seed in (1, 1, 2))
        pairs = [(next(first), next(again), next(other)) for _ in range(50)]
        assert all(one == two for one, two, _ in pairs)
        assert any(one != three for one, _, three in pairs)


# The controls: a fault that is put into each parser is found, and so is what never ends.


def _faulty(real: Callable[..., Any], sign: Any) -> Callable[..., Any]:
    def faulty(*arguments: Any, **more: Any) -> Any:
        if any(isinstance(each, type(sign)) and sign in each for each in arguments):
            raise ValueError("a fault")
        return real(*arguments, **more)

    return faulty


PLANTED: dict[str, tuple[Any, str, Any]] = {
    "smtp": (ReplyParser, "_line", b"\x7f"),
    "pop": (pop3._Lines, "feed", b"\x7f"),
    "ntlm": (ntlm, "_pairs", b"\xff"),
    "config": (parse, "read", "NaN"),
    "wire": (event_rules, "read_bounded", b"NaN"),
    "address": (address, "_tokens", "\\"),
    "oauth": (protocol, "_object", b"NaN"),
    "spool": (event_rules, "read_bounded", b"\xff"),
    "lines": (EventConnection, "_put", b"\0"),
    "doors": (event_rules, "read_bounded", b"NaN"),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_fault_in_a_parser_is_found(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, sign = PLANTED[kind]
    with monkeypatch.context() as patch:
        patch.setattr(where, name, _faulty(getattr(where, name), sign))
        with pytest.raises(Finding, match=r"a fault|internal error") as found:
            fuzz(kind, TARGETS[kind], count=20_000)
    assert sign in (found.value.data if isinstance(sign, bytes) else found.value.data.decode())
    fuzz(kind, TARGETS[kind], count=0)


def test_what_never_ends_is_found() -> None:
    def target(data: bytes) -> None:
        while data.endswith(b"+OK\r\n"):
            pass

    with pytest.raises(Finding, match="processor time"):
        fuzz("pop", target, count=20_000, cpu_seconds=0.1)


def test_a_finding_is_made_small() -> None:
    def target(data: bytes) -> None:
        if b"+OK" in data[1:] and b"-ERR" in data:
            raise ValueError("a fault")

    with pytest.raises(Finding) as found:
        fuzz("pop", target, count=20_000)
    assert len(found.value.data) <= 10
