"""Whether a member hands its events on, or mails by itself for it can't. Pure: times, in seconds of
a clock that is never set, come in as arguments.

hands on ──what waits got no answer for fallback_after──▶ by itself ──its word is taken──▶ on trial
    ▲                                                        ▲                                │  │
    └───an event is taken, or the connection was all ────────┼────────────────────────────────┘  │
                                                             └───────── anything is refused ─────┘
"""

from typing import Literal, NamedTuple

Mode = Literal["handing_on", "on_trial", "by_itself"]
# A connection that is there shows that these are over. Of all else only an event shows it.
_OF_CONNECTION = ("unreachable", "tls", "login", "too_old", "lost")


class Heard(NamedTuple):
    """What follows when the engine takes a member's word, or an event: it `hands_on` again; being
    cut off is `over`, and that is news.
    """

    hands_on: bool = False
    over: bool = False


class CutOff:
    """Begins with handing on. `told`: it was told that we are cut off, before the last stop."""

    def __init__(self, now: float, *, told: bool = False) -> None:
        self.mode: Mode = "on_trial" if told else "handing_on"
        self._taken = now  # when something was, or when that may be expected
        self._kind = ""  # of the last failure
        self._refused = False  # while on trial

    @property
    def hands_on(self) -> bool:
        """Whether new events are handed on."""
        return self.mode != "by_itself"

    def failed(self, kind: str) -> None:
        """An event, or a connection, failed."""
        self._kind = kind
        self._refused = self.mode == "on_trial"

    def passed_over(self, now: float) -> None:
        """An event is too large to be sent. That says nothing of the engine: while no other one has
        waited for as long, we are not cut off.
        """
        if self.mode == "handing_on":
            self._taken = now

    def is_due(self, now: float, age: float | None, limit: float) -> bool:
        """Whether it is time to mail by itself: the oldest event that waits to be handed on has
        done so for `age`, None: none does.
        """
        if age is None or not self.hands_on:
            return False
        return self._refused or min(age, now - self._taken) >= limit

    def cut(self) -> bool:
        """It mails by itself from now on; says whether that is news."""
        is_news = self.mode == "handing_on"
        self.mode, self._refused = "by_itself", False
        return is_news

    def word_taken(self, now: float) -> Heard:
        """The engine has taken the member's word that it is alive."""
        was = self.mode
        if was == "handing_on":
            return Heard()
        over = not self._refused and self._kind in ("", *_OF_CONNECTION)
        if over:
            self.mode = "handing_on"
        elif was == "by_itself":
            self.mode = "on_trial"
        if was == "by_itself":
            self._taken = now
        return Heard(was == "by_itself", over)

    def event_taken(self, now: float) -> Heard:
        """The engine has taken an event."""
        self._taken, self._refused = now, False
        if self.mode != "on_trial":
            return Heard()
        self.mode = "handing_on"
        return Heard(over=True)
