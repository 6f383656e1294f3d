"""With a reusable secret configured, no server that can't protect it, or that isn't the one it
should be, gets a byte of it: asserted on the wire, of the real delivery and of the self-test.
"""

import asyncio
import base64
import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from tests.support.delivery import SOON, Post, configuration, connection_context, server
from tests.support.scripted_server import Peer, Script, ScriptedServer, ordinary, server_context
from zaiond.config.schema import Auth, OAuth2, Secret
from zaiond.selftest.run import self_test

TO = "a@x.example"
USER = "zaion-user"
SECRET = "n0body-kn0ws-th1s-0ne"

AUTHS = {
    "basic": Auth(mechanism="basic", username=USER, password=Secret(SECRET)),
    "xoauth2": Auth(
        mechanism="xoauth2", username=USER, oauth2=OAuth2(token_command=("/bin/echo", SECRET))
    ),
}
OFFERED = {"basic": "AUTH PLAIN LOGIN", "xoauth2": "AUTH XOAUTH2"}
OTHERS = {"basic": "AUTH CRAM-MD5 NTLM XOAUTH2", "xoauth2": "AUTH PLAIN LOGIN CRAM-MD5 NTLM"}


def letters(text: str) -> set[bytes]:
    """What base64 makes of a text wherever it begins in what is encoded, without its ends, which
    depend on what stands beside it.
    """
    data = text.encode()
    return {base64.b64encode(b"\0" * shift + data)[4:-4] for shift in range(3)}


def pieces(text: str) -> set[bytes]:
    """The text as it is, and in base64: any four octets of it."""
    data = text.encode()
    found = {data[i : i + 4] for i in range(len(data) - 3)}
    for form in letters(text):
        found |= {form[i : i + 6] for i in range(len(form) - 5)}
    return found


PIECES = pieces(SECRET) | letters(USER)


def test_the_secret_would_be_found_in_whatever_a_login_sends() -> None:
    for sent in (
        f"\0{USER}\0{SECRET}",
        SECRET,
        f"user={USER}\x01auth=Bearer {SECRET}\x01\x01",
    ):
        assert any(piece in base64.b64encode(sent.encode()) for piece in pieces(SECRET))
        assert any(piece in sent.encode() for piece in pieces(SECRET))
    assert any(piece in base64.b64encode(USER.encode()) for piece in letters(USER))


class World:
    """Certificates, right and wrong, and the servers that show them."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.ca_file = str(directory / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        ended = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        self.right = server_context(authority)
        self.wrong = {
            "expired": server_context(authority, not_after=ended),
            "other name": server_context(authority, "mail.example"),
            "other authority": server_context(trustme.CA()),
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


def without_tls(_: World, offer: str) -> Script:
    return ordinary(offers=("PIPELINING", offer))


def strips_starttls(_: World, offer: str) -> Script:
    """A box on the way that writes over what it doesn't want to be seen."""
    return ordinary(
        offers=("PIPELINING", offer, "X" * len("STARTTLS")), answers={"STARTTLS": "502 What?"}
    )


def refuses_starttls(_: World, offer: str) -> Script:
    return ordinary(offers=(offer, "STARTTLS"), answers={"STARTTLS": "454 4.7.0 Not now"})


def injects(world: World, offer: str) -> Script:
    """Says more behind its 220 than that: what would be taken for protected words."""

    async def inject(peer: Peer) -> None:
        await peer.send(f"220 Go ahead\r\n250-evil.example\r\n250 {offer}\r\n".encode())
        await peer.rest()

    return ordinary(offers=(offer,), starttls=world.right, answers={"STARTTLS": inject})


def talks_on_in_plain_text(world: World, offer: str) -> Script:
    async def no_handshake(peer: Peer) -> None:
        await peer.say("220 Go ahead")
        await peer.reader.read(1)
        await peer.say("250-evil.example", f"250 {offer}")
        await peer.rest()

    return ordinary(offers=(offer,), starttls=world.right, answers={"STARTTLS": no_handshake})


def shows(certificate: str) -> Callable[[World, str], Script]:
    def script(world: World, offer: str) -> Script:
        return ordinary(offers=(offer,), starttls=world.wrong[certificate])

    return script


def shows_at_once(certificate: str) -> Callable[[World, str], Script]:
    def script(world: World, offer: str) -> Script:
        return ordinary(offers=(offer,), tls=world.wrong[certificate])

    return script


def offers_others(how: str) -> Callable[[World, str], Script]:
    def script(world: World, offer: str) -> Script:
        (others,) = (OTHERS[name] for name, offered in OFFERED.items() if offered == offer)
        return ordinary(offers=(others,), **{how: world.right})  # type: ignore[arg-type]

    return script


IMPOSSIBLE, NO_TLS = "Auth not possible 0", "Cant start TLS 0"
Make = Callable[[World, str], Script]
# Server, mode, what the self-test says, whether an administrator is needed.
TRAPS: list[tuple[str, Make, str, str, str]] = [
    *(("no TLS", without_tls, mode, IMPOSSIBLE, "faulty") for mode in ("none", "opportunistic")),
    ("no TLS", without_tls, "starttls", NO_TLS, "down"),
    ("no TLS", without_tls, "tls", NO_TLS, "down"),
    ("strips", strips_starttls, "opportunistic", IMPOSSIBLE, "faulty"),
    ("strips", strips_starttls, "starttls", NO_TLS, "down"),
    *(
        ("454", refuses_starttls, mode, "Cant start TLS 454", "down")
        for mode in ("opportunistic", "starttls")
    ),
    *(("injects", injects, mode, NO_TLS, "down") for mode in ("opportunistic", "starttls")),
    *(
        ("no handshake", talks_on_in_plain_text, mode, NO_TLS, "down")
        for mode in ("opportunistic", "starttls")
    ),
    *(
        (wrong, shows(wrong), mode, line, state)
        for wrong in ("expired", "other name", "other authority")
        for mode, line, state in (
            ("opportunistic", IMPOSSIBLE, "faulty"),
            ("starttls", NO_TLS, "down"),
        )
    ),
    *(
        (wrong, shows_at_once(wrong), "tls", NO_TLS, "down")
        for wrong in ("expired", "other name", "other authority")
    ),
    *(
        ("others", offers_others("starttls"), mode, IMPOSSIBLE, "faulty")
        for mode in ("opportunistic", "starttls")
    ),
    ("others", offers_others("tls"), "tls", IMPOSSIBLE, "faulty"),
]


@pytest.mark.parametrize("mechanism", AUTHS)
@pytest.mark.parametrize(
    ("make", "mode", "line", "state"),
    [trap[1:] for trap in TRAPS],
    ids=[f"{trap[0]}-{trap[2]}" for trap in TRAPS],
)
async def test_no_byte_of_a_secret_gets_to_whom_it_must_not(
    make: Make, mode: str, line: str, state: str, mechanism: str, world: World, tmp_path: Path
) -> None:
    async with ScriptedServer(make(world, OFFERED[mechanism])) as trap:
        given = configuration(
            replace(
                server(trap.port, auth=AUTHS[mechanism]),
                security=mode,  # type: ignore[arg-type]
                ca_file=world.ca_file,
            )
        )
        async with Post(tmp_path / "state", given) as post:
            await post.emit("1")
            await post.until(lambda: bool(post.servers_changed))
            assert post.servers_changed == [(given.mail_server.address, state, False)]
            assert await post.attempts("1") == []  # the mail waits
        (result,) = (await self_test(given, [TO], connection_context()))["results"]
        assert f"{result['reason']} {result['code']}" == line
        async with asyncio.timeout(SOON):
            await trap.finished()
    assert trap.peers
    for peer in trap.peers:
        assert not [piece for piece in PIECES if piece in peer.said]
        assert "AUTH" not in peer.commands
        assert b"AUTH" not in peer.said.upper()
    told = repr(result) + repr(post.journal.lines)
    assert SECRET not in told


@pytest.mark.parametrize("mechanism", AUTHS)
@pytest.mark.parametrize("how", ["starttls", "tls"])
async def test_whom_it_is_meant_for_gets_it_protected(
    how: str, mechanism: str, world: World
) -> None:
    # The control: else what is above would hold of a client that never logs in.
    script = ordinary(offers=(OFFERED[mechanism],), **{how: world.right})  # type: ignore[arg-type]
    async with ScriptedServer(script) as right:
        given = replace(
            server(right.port, auth=AUTHS[mechanism]),
            security=how,  # type: ignore[arg-type]
            ca_file=world.ca_file,
        )
        (result,) = (await self_test(configuration(given), [TO], connection_context()))["results"]
        assert result["ok"]
        await right.finished()
    (peer,) = right.peers
    assert [piece for piece in pieces(SECRET) if piece in peer.protected]
    assert not [piece for piece in PIECES if piece in peer.plain]
