"""Transcripts of logins by POP, run on the pure machine; written as in `tests.support.dialog`.

`!` is what the client's side does:

    ! settings security=starttls user=zaion password=secret allow-unprotected
    ! tls                       the handshake is done
    ! quit
    ! lost CAUSE

`=` is what the machine must tell:

    = start tls
    = logged in by METHOD: WORDS
    = ended: WHAT -> OUTCOME SCOPE      or just "ended", after a login
"""

from pathlib import Path

from tests.support.dialog import Cut, Play, in_one_piece, verdict
from zaiond.pop3 import Pop3
from zaiond.smtp.events import Ended, Event, LoggedIn, StartTls
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.sasl import Credentials

POP_TRANSCRIPTS = sorted((Path(__file__).parents[1] / "dialog" / "pop3").glob("*.txt"))


def run_pop(transcript: Path, cut: Cut = in_one_piece) -> None:
    """Plays one transcript; AssertionError at the first line that is not as it says."""
    _PopPlay(transcript, cut).run()


class _PopPlay(Play):
    def start(self, given: dict[str, str]) -> Pop3:
        credentials = Credentials(
            "basic",
            username=given.get("user", "zaion"),
            password=given.get("password", "secret").replace("_", " "),
            allow_unprotected="allow-unprotected" in given,
        )
        return Pop3(
            SessionSettings(
                server="pop.example:110",
                helo_name="",
                security=given.get("security", "none"),  # type: ignore[arg-type]
                credentials=credentials,
            )
        )

    def words(self, event: Event) -> list[str]:
        if isinstance(event, StartTls):
            return ["start tls"]
        if isinstance(event, LoggedIn):
            return [f"logged in by {event.method}: {event.said}"]
        assert isinstance(event, Ended)
        return ["ended" if event.failure is None else f"ended: {verdict(event.failure)}"]
