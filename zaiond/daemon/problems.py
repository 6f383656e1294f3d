"""What an administrator should look at, and how it is said. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from zaiond import places
from zaiond.daemon import words
from zaiond.daemon.documents import why
from zaiond.daemon.remembered_documents import JobStanding
from zaiond.daemon.words import watch
from zaiond.delivery.outbound import Waiting
from zaiond.holds import Hold
from zaiond.places import Place
from zaiond.safe import one_line
from zaiond.smtp.failure import Failure
from zaiond.store.queries import NAMED, Lost
from zaiond.store.recovery import Salvage
from zaiond.text import Sentence, Text

STUCK_AFTER = 2.0  # times queue.retry_max: then something that waits is no longer ordinary
HOLDS_TOLD = 3  # one by one; of more only how many
_LONGEST = 100  # characters of a job's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the problems follow from. Times are seconds since the epoch, ages seconds."""

    config: Literal["good", "last_good", "none"]
    waiting: Waiting
    holds: tuple[Hold, ...]
    lost: dict[str, Lost]  # lately, by state: failed and expired
    oldest: float | None  # when it was accepted
    oldest_age: float  # in queue time
    retry_max: float
    outage: Failure | None  # why no server can be used
    next_probe: float | None  # when the next one is tried
    refused: Text | None  # which events were refused in the last day, of whom, and why
    free: int  # bytes
    floor: int  # below which no event is taken
    state_dir: str
    salvage: Salvage | None = None  # in the last days
    damaged: int = 0  # rows set aside in the last days
    spool: tuple[tuple[str, Text], ...] = ()  # what is wrong with what is there
    no_mail: tuple[float, Failure | None] | None = None  # since when none leaves, and why
    stays_down: tuple[str, float, Failure | None] | None = None  # the first server, for long
    heartbeat: Text | None = None  # why it can't be fetched
    stopped: Text | None = None  # why it isn't tried
    cut_off: tuple[float, Text | None] | None = None  # a member, from its fleet: since when and why
    jobs: tuple[tuple[str, JobStanding], ...] = ()  # that need a look
    fleet: Text | None = None  # why a hub can't do its work
    not_handed_on: Text | None = None  # why what this machine hands on is not taken
    is_to_mend: bool = False  # whether that stays so until somebody mends something
    to_hand_on: int = 0  # events


class Problem(NamedTuple):
    """What an administrator should look at: a code for programs, a sentence, where there is more of
    it, and the failure of which the advice tells what to do.
    """

    code: str
    text: Text
    places: tuple[Place, ...]
    failure: Failure | None = None

    @property
    def command(self) -> str:
        """What shows more at a terminal."""
        return self.places[0].command


def problems(facts: Facts) -> list[Problem]:
    """What should be looked at, the worst first."""
    found = list(_problems(facts))
    if not found and facts.stopped is not None:  # who watches from elsewhere raises the alarm
        text = watch.heartbeat_is_stopped(why=facts.stopped)
        found.append(Problem("heartbeat", text, (places.STATUS,)))
    if facts.jobs:
        found.append(Problem("jobs", _jobs(facts.jobs), (places.JOBS,)))
    return found


def _jobs(jobs: Sequence[tuple[str, JobStanding]]) -> Text:
    """Those few by name; of more only how many."""
    from zaiond.daemon.words.summary import JOB_STATES  # only where one needs a look

    named = [
        watch.job(name=one_line(name)[:_LONGEST], state=JOB_STATES[state])
        for name, state in jobs[:NAMED]
    ]
    more = watch.more_jobs(number=len(jobs) - NAMED) if len(jobs) > NAMED else ""
    ja, en = "、".join(one.ja for one in named), ", ".join(one.en for one in named)
    return watch.jobs(names=Text(ja, en), more=more)


def _problems(facts: Facts) -> Iterator[Problem]:
    if facts.config == "none":
        yield Problem("config_none", words.CONFIG_NONE, (places.CONFIGURATION,))
    elif facts.config == "last_good":
        yield Problem("config_broken", words.CONFIG_BROKEN, (places.CONFIGURATION,))
    queue = next((hold for hold in facts.holds if hold.scope == "queue"), None)
    number, outage = facts.waiting.held, facts.outage
    if queue is not None:  # what else is held is tried first when this is mended
        text = _waits(words.queue_held if number else words.queue_held_empty, queue.failure, facts)
        yield Problem("held", text, (places.QUEUE,), queue.failure)
    elif len(facts.holds) > HOLDS_TOLD:
        names = _few([hold.subject for hold in facts.holds if hold.scope == "address"])
        to = words.held_to(names=names) if names.ja else ""
        yield Problem("held", words.held_in_all(number=number, to=to), (places.QUEUE,))
    else:
        for hold in facts.holds:
            held = words.address_held if hold.scope == "address" else words.mail_held
            text = held(recipient=hold.subject, why=why(hold.failure))
            yield Problem("held", text, (places.QUEUE,), hold.failure)
    if outage is not None and facts.waiting.total and queue is None:
        text = _waits(words.server_down, outage, facts)
        yield Problem("server_down", text, (places.TEST,), outage)
    is_told = outage is not None or queue is not None or facts.config == "none"
    if facts.no_mail is not None and facts.waiting.waiting and not is_told:
        at, cause = facts.no_mail
        said = words.UNKNOWN if cause is None else why(cause)
        text = watch.no_mail(since=words.local(at), number=facts.waiting.waiting, why=said)
        yield Problem("no_mail", text, (places.QUEUE,), cause)
    if facts.stays_down is not None and not is_told:
        server, at, cause = facts.stays_down
        said = words.UNKNOWN if cause is None else why(cause)
        text = watch.stays_down(server=server, since=words.local(at), why=said)
        yield Problem("server_stays_down", text, (places.TEST,), cause)
    if facts.cut_off is not None:
        at, said_why = facts.cut_off
        text = watch.cut_off(since=words.local(at), why=said_why or words.UNKNOWN)
        yield Problem("fleet", text, (places.JOURNAL,))
    elif facts.not_handed_on is not None and facts.fleet is None:
        yield from _not_handed_on(facts.not_handed_on, facts)
    if facts.oldest is not None and facts.oldest_age > STUCK_AFTER * facts.retry_max:
        since = words.local(facts.oldest)
        yield Problem("stuck", words.stuck(since=since), (places.QUEUE,))
    for state, lost in facts.lost.items():
        if lost.unknown:
            to = _few(lost.recipients)
            text = words.lost(state=words.OUTCOMES[state], number=lost.unknown, to=to)
            yield Problem(state, text, (places.LOST, places.ACKNOWLEDGE))
    if facts.fleet is not None:
        yield Problem("fleet", facts.fleet, (places.FLEET,))
    if facts.refused is not None:
        yield Problem("refused", facts.refused, (places.JOURNAL_OF_A_DAY, places.ACKNOWLEDGE))
    for code, text in facts.spool:
        yield Problem(code, text, (places.SPOOL,))
    if facts.salvage is not None:
        text = words.recovered_at(at=words.local(facts.salvage.at), what=facts.salvage.text)
        yield Problem("recovered", text, (places.JOURNAL,))
    if facts.damaged:
        yield Problem("damaged", words.rows_aside(number=facts.damaged), (places.JOURNAL,))
    if facts.free < 2 * facts.floor:
        text = words.disk_low(free=facts.free // (1024 * 1024), directory=facts.state_dir)
        disk = Place("", places.MORE, f"df -h {facts.state_dir}", None)
        yield Problem("disk", text, (disk,))
    if facts.heartbeat is not None:
        text = watch.heartbeat_fails(why=facts.heartbeat)
        yield Problem("heartbeat", text, (places.JOURNAL_OF_A_DAY,))


def _not_handed_on(why: Text, facts: Facts) -> Iterator[Problem]:
    """As of a mail server: what may pass by itself is a problem where something waits for it."""
    if facts.is_to_mend or facts.to_hand_on:
        text = watch.not_handed_on(number=facts.to_hand_on, why=why)
        yield Problem("fleet", text, (places.JOURNAL,))


def _waits(sentence: Sentence, failure: Failure, facts: Facts) -> Text:
    at = facts.next_probe
    next_try = "" if at is None else words.next_try(at=words.local(at, "%H:%M:%S"))
    return sentence(number=facts.waiting.held, why=why(failure), next_try=next_try)


def _few(recipients: Sequence[str]) -> Text:
    """The recipients by name, where they are few."""
    named = sorted(recipients)
    if len(named) > NAMED:
        named = [*named[: NAMED - 1], "…"]
    return Text("、".join(named), ", ".join(named))
