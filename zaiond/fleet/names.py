"""What the engine's subjects, streams and keys are called, and whose they are (interface 11).

Pure. The hub takes a machine's name from the subject, which the engine's rights guard: a member may
publish below its own token and nowhere else.
"""

import re

from zaiond.errors import ZaiondError
from zaiond.fleet import words

STREAM = "ZAIOND"  # of events that no hub has taken yet
ALIVE_STREAM = "ZAIOND_ALIVE"  # of the last word of each member
BUCKET = "zaiond-hub"  # a key-value bucket: who works, and what routing remembers
BUCKET_STREAM = f"KV_{BUCKET}"  # what the engine calls a bucket's stream
EVENTS = "zaiond.*.event"
ALIVE = "zaiond.*.alive"
LEADER = "leader"  # the bucket's key of the hub that works
HUBS = "hub"  # below it, by token, each hub's last word
CONSUMERS = "consumers"  # the bucket's key of the names of hubs' consumers, the last one first
SHARED = "shared"  # the bucket's key of who has shared last what routing remembers
CONSUMER = "hub"  # what the names of hubs' consumers begin with

# RFC 1123 2.1: letters, digits and hyphens, in lower case. A dot becomes `_`, which is none.
_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_MACHINE = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_SUBJECT = re.compile(r"zaiond\.([a-z0-9_-]{1,253})\.(?:event|alive)")


class UnfitNameError(ZaiondError):
    """A machine's name, or a subject, is none that the fleet can have."""


def token(machine: str) -> str:
    """A machine's name as one token of a subject: `web1.zaion.jp` is `web1_zaion_jp`. Raises
    UnfitNameError."""
    name = machine.lower().rstrip(".")
    if _MACHINE.fullmatch(name) is None:
        raise UnfitNameError(words.no_machine(name=machine))
    return name.replace(".", "_")


def machine(of: str) -> str:
    """The name of the machine whose token it is. Raises UnfitNameError."""
    name = of.replace("_", ".")
    if _MACHINE.fullmatch(name) is None:
        raise UnfitNameError(words.no_machine(name=of))
    return name


def event_subject(machine: str) -> str:
    """Where a machine publishes its events. Raises UnfitNameError."""
    return f"zaiond.{token(machine)}.event"


def alive_subject(machine: str) -> str:
    """Where a machine says that it is there. Raises UnfitNameError."""
    return f"zaiond.{token(machine)}.alive"


def inbox(machine: str) -> str:
    """What the subjects begin with on which a machine gets its answers. Raises UnfitNameError."""
    return f"_INBOX_{token(machine)}"


def machine_of(subject: str) -> str:
    """The machine that published on a subject of ours. Raises UnfitNameError."""
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        raise UnfitNameError(words.no_subject(subject=subject))
    return machine(match[1])
