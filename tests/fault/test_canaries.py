"""No secret gets anywhere: canaries of every kind, servers that quote them wherever they speak, and
then a search of every place where the daemon and its tools leave something.
"""

import asyncio
import base64
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import pytest

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.pop_server import pop
from tests.support.scripted_server import Peer, Script, ScriptedServer, ordinary
from tests.support.sink import Sink
from tests.support.terminal import CTRL_C, Terminal
from tests.support.token_server import TokenServer
from tests.support.waiting import until
from zaiond.smtp.ntlm import NEGOTIATE

CANARIES = {
    "file": "can4ry-of-a-file",
    "inline": "C4nary: <inline> & more",
    "credential": "canary%credential/7",
    "pop": "kanar1en-vogel-pop",
    "japanese": "かなりあのことば",
    "client": "canary~client~secret",
    "refresh": "1//canary-refresh-1",
    "next": "1//canary-refresh-next",
    "access": "ya29.canary.access+token/x==",
    "command": "canary.command.token",
}
COMMANDS = ("GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "CONTENT", "RSET")
CODES = {"DATA": 354, "AUTH": 235, "GREETING": 220, "STARTTLS": 220, "QUIT": 221}
POP_COMMANDS = ("GREETING", "APOP", "USER", "PASS")


def forms(secret: str) -> set[bytes]:
    """A secret as it may stand somewhere, in small letters; in base64 wherever it begins."""
    found = {
        secret,
        secret.upper(),
        quote(secret, safe=""),
        secret.encode().hex(),
        ascii(secret)[1:-1],
    }
    data = {each.encode() for each in found}
    for shift in range(3):
        data.add(base64.b64encode(bytes(shift) + secret.encode())[4 if shift else 0 : -4])
    return {each.lower() for each in data}


def found_in(data: bytes) -> list[str]:
    """The canaries that stand in it."""
    small = data.lower().replace(b"\0", b"")  # nothing but NUL is the ballast
    return [kind for kind, secret in CANARIES.items() if any(f in small for f in forms(secret))]


class Quoting:
    """An SMTP server that quotes secrets, and what it was told at AUTH, in all that it says.

    `refuses` is the command that it refuses now; `spoke` has what it has quoted at.
    """

    def __init__(self, offer: str, *secrets: str, permanent: bool = False) -> None:
        self.offer = offer
        self.secrets = secrets
        self.heard: list[str] = []
        self.refuses: str | None = None
        self.spoke: set[tuple[str, str]] = set()
        self.contents: list[bytes] = []
        self._class = 5 if permanent else 4

    def script(self) -> Script:
        answers = {command: self._answer(command) for command in (*COMMANDS, "QUIT")}
        # What has no answer of its own ends in the usual one, whose words the server chooses.
        starttls = self.refuses == "STARTTLS"
        offers = ("PIPELINING", f"AUTH {self.offer}", *(["STARTTLS"] if starttls else []))
        answers["EHLO"] = self._answer("EHLO", *offers)
        return ordinary(answers=answers)

    def quotes(self) -> list[str]:
        said = []
        for secret in (*self.secrets, *self.heard[-3:]):
            half = len(secret) // 2
            said += [f"you said {secret}", secret[:half], secret[half:], secret.upper()]
        for secret in self.secrets:
            said += [base64.b64encode(secret.encode()).decode(), quote(secret, safe="")]
        return said

    def _answer(self, command: str, *more: str) -> Callable[[Peer], Awaitable[None]]:
        async def answer(peer: Peer) -> None:
            if command == "AUTH":
                await self._listen(peer)
            code = CODES.get(command, 250)
            refused = command == self.refuses
            if refused:
                code = 535 if command == "AUTH" else self._class * 100 + 51
            self.spoke.add((command, "refused" if refused else "taken"))
            words = [
                f"{command} quotes",
                *self.quotes(),
                *more,
                "2.0.0 queued as " + self.secrets[0],
            ]
            if command == "STARTTLS" and not refused:
                raise ConnectionError("no TLS here")
            await peer.say(*(f"{code}-{word}" for word in words), f"{code} {words[-1]}")
            if refused and command == "GREETING":
                raise ConnectionError("refused")
            if command == "DATA" and not refused:
                self.contents.append(await peer.content())
                await self._answer("CONTENT")(peer)

        return answer

    async def _listen(self, peer: Peer) -> None:
        """The exchange of AUTH, up to what is said of it."""
        line = peer.said.rstrip(b"\r\n").rpartition(b"\r\n")[2].decode()
        mechanism, _, response = line.removeprefix("AUTH ").partition(" ")
        if mechanism == "CRAM-MD5":
            await peer.say("334 " + base64.b64encode(b"<1.2@mail.example>").decode())
            response = await peer.line()
            self.heard.append(base64.b64decode(response).decode().split()[1])  # the digest
        elif mechanism == "NTLM":
            await peer.say("334")
            assert base64.b64decode(await peer.line()) == NEGOTIATE
            challenge = b"NTLMSSP\0" + struct.pack("<I8xI", 2, 1) + b"noncenon" + bytes(16)
            await peer.say("334 " + base64.b64encode(challenge).decode())
            response = await peer.line()
        self.heard.append(response)


def quoting_pop(refuses: str | None) -> Script:
    """A POP server that does the same."""
    secret = CANARIES["pop"]
    answers: dict[str, Any] = {"APOP": f"-ERR {secret} is not {secret.upper()}"}
    for command in ("GREETING", "USER", "PASS"):
        answers[command] = f"{'-ERR' if command == refuses else '+OK'} {command} {secret}"
    answers["GREETING"] += " <1.2@pop.example>"
    return pop(answers=answers)


class CanaryTokens(TokenServer):
    """Gives the canaries; `given` once it has."""

    given = False

    def new_token(self) -> str:
        return CANARIES["access"]

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.requests.append(form)
        if self.refusal is not None:
            return self.refusal
        self.given = True
        return 200, {
            "access_token": CANARIES["access"], "token_type": "Bearer", "expires_in": 1,
            "refresh_token": CANARIES["next"],
        }  # fmt: skip


class World(threading.Thread):
    """The servers, in a thread of their own, and the daemon's configuration for them."""

    def __init__(self, tokens: CanaryTokens, sink: Sink) -> None:
        super().__init__()
        c = CANARIES
        self.quoting = {
            "file": Quoting("PLAIN LOGIN", c["file"]),
            "inline": Quoting("CRAM-MD5", c["inline"]),
            "credential": Quoting("NTLM", c["credential"]),
            "japanese": Quoting("LOGIN", c["japanese"]),
            "access": Quoting("XOAUTH2", c["access"], c["client"], c["refresh"]),
            "command": Quoting("XOAUTH2", c["command"]),
            "pop": Quoting("", c["pop"]),
        }
        self.tokens, self.sink = tokens, sink
        self.pop_refuses: str | None = None
        self.ports: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._listening = threading.Event()

    @property
    def contents(self) -> list[bytes]:
        """What was taken of mails, or refused at its end."""
        taken = [mail.content for mail in self.sink.mails]
        return taken + [content for each in self.quoting.values() for content in each.contents]

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async def smtp(peer: Peer, kind: str) -> None:
            await self.quoting[kind].script()(peer)

        async def by_pop(peer: Peer) -> None:
            await quoting_pop(self.pop_refuses)(peer)

        servers: dict[str, ScriptedServer] = {
            kind: ScriptedServer(lambda peer, kind=kind: smtp(peer, kind))  # type: ignore[misc]
            for kind in self.quoting
        }
        servers["pop server"] = ScriptedServer(by_pop)
        for kind, each in servers.items():
            await each.__aenter__()
            self.ports[kind] = each.port
        self._listening.set()
        await self._stopping.wait()
        for each in servers.values():
            await each.__aexit__(None, None, None)

    def __enter__(self) -> Self:
        self.start()
        assert self._listening.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self.join()
        self._loop.close()

    def refuse(self, round_: int | None) -> None:
        """Which command each server refuses in this round; None: all take everything."""
        self.pop_refuses = None if round_ is None else POP_COMMANDS[round_ % 4]
        for number, each in enumerate(self.quoting.values()):
            commands = [c for c in COMMANDS if c not in ("STARTTLS", "RSET")]
            each.refuses = None if round_ is None else commands[(round_ + number) % len(commands)]
        if round_ == 3:
            self.quoting["file"].refuses = "STARTTLS"

    def configuration(self, folder: Path, prefix: str) -> str:
        """With every kind of login, each by its own server, and one that takes all at the end."""
        secrets = {"file": "file", "client-secret": "client", "refresh-token": "refresh"}
        for name, kind in secrets.items():
            (folder / name).write_text(CANARIES[kind] + "\n")
            (folder / name).chmod(0o600)
        logins = {
            "file": "mechanism: basic, password_file: file",
            "inline": f"mechanism: cram-md5, password: '{CANARIES['inline']}'",
            "credential": "mechanism: ntlm, password_credential: ntlm",
            "japanese": f"mechanism: basic, password: {CANARIES['japanese']}",
            "access": "mechanism: xoauth2, oauth2: {grant: refresh_token, client_id: zaiond, "
            f"token_url: '{self.tokens.url}', client_secret_file: client-secret, "
            "refresh_token_file: refresh-token}",
            "command": f"mechanism: xoauth2, oauth2: {{token_command: ['{folder}/get-token']}}",
        }
        servers = []
        for kind, login in logins.items():
            security = "opportunistic" if kind == "file" else "none"
            servers.append(
                f"{{host: 127.0.0.1, port: {self.ports[kind]}, security: {security}, auth: "
                f"{{{login}, username: zaion@zaion.jp, allow_unprotected_password: true}}}}"
            )
        servers.append(
            f"{{host: 127.0.0.1, port: {self.ports['pop']}, security: none, auth: "
            "{allow_unprotected_password: true}, pop_before_smtp: {enabled: true, port: "
            f"{self.ports['pop server']}, username: zaion, password: {CANARIES['pop']}}}}}"
        )
        servers.append(f"{{host: 127.0.0.1, port: {self.sink.port}}}")
        first, *others = servers
        return (
            f"mail_server: {first}\nfallback_mail_servers: [{', '.join(others)}]\n"
            f"admins: admin@zaion.jp\nsubject_prefix: '{prefix}'\nlanguage: en\n"
            "queue: {retry_first: 1s}\n"
        )


@pytest.fixture
def world() -> Iterator[World]:
    with CanaryTokens() as tokens, Sink() as sink, World(tokens, sink) as world:
        yield world


class Told:
    """Everything that was said to somebody, by who said it."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.said: dict[str, str] = {}

    def ctl(self, *arguments: str, given: str | None = None) -> None:
        done = self.daemon.ctl(*arguments, given=given)
        assert "Traceback" not in done.stderr
        name = " ".join(arguments)
        self.said[name] = self.said.get(name, "") + done.stdout + done.stderr


@pytest.fixture
def make_daemon(world: World, tmp_path: Path) -> Callable[..., Daemon]:
    def make(*program: str | Path) -> Daemon:
        folder = tmp_path / "etc"
        for path in (folder, tmp_path / "tmp", tmp_path / "credentials"):
            path.mkdir()
        (tmp_path / "credentials" / "ntlm").write_text(CANARIES["credential"])
        (tmp_path / "credentials" / "ntlm").chmod(0o600)
        command = folder / "get-token"
        command.write_text(
            "#!/bin/bash\n"
            f"cat /proc/self/environ /proc/$$/cmdline /proc/$$/environ >> {tmp_path}/seen\n"
            f"if [ -e {folder}/fails ]; then echo 'no {CANARIES['command']} today' >&2\n"
            f"echo {CANARIES['command']}; exit 1; fi\n"
            f"echo {CANARIES['command']}\n"
        )
        command.chmod(0o755)
        environment = {
            "TMPDIR": str(tmp_path / "tmp"), "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
        }  # fmt: skip
        daemon = Daemon(tmp_path, world.configuration(folder, "[0]"), environment)
        if program:
            daemon.program = program
        return daemon

    return make


def one_round(world: World, told: Told, number: int | None, name: str) -> None:
    """Every server speaks to the daemon and to the self-test, by a configuration that is new."""
    world.refuse(number)
    known = ("client", "refresh", *(("next", "access") if world.tokens.given else ()))
    refusal = "you sent " + " ".join(CANARIES[kind] for kind in known)
    world.tokens.refusal = (400, {"error": "invalid_grant", "error_description": refusal})
    daemon = told.daemon
    fails = daemon.config.parent / "fails"
    if number == 1:
        fails.touch()
    elif number is not None and number > 1:
        world.tokens.refusal = None
        fails.unlink(missing_ok=True)
    elif number is None:
        world.tokens.refusal = None
    daemon.config.write_text(world.configuration(daemon.config.parent, f"[{name}]"))
    told.ctl("reload")
    reply = daemon.emit({"type": "a.b", "id": name, "message": f"event {name}"})
    assert reply[0]["status"] == "ok"
    until(lambda: any(name.encode() in content for content in world.contents), daemon.printed)
    told.ctl("test", "-v", "admin@zaion.jp")
    if number == 0:
        told.ctl("test", "--json", "admin@zaion.jp")


def searched(daemon: Daemon, tmp_path: Path, *but: Path) -> dict[str, list[str]]:
    """The files in which canaries stand."""
    found = {}
    for path in sorted(tmp_path.rglob("*")):
        if path.is_file() and path not in but and daemon.config.parent not in path.parents:
            kinds = found_in(path.read_bytes())
            if kinds:
                found[str(path.relative_to(tmp_path))] = kinds
    return found


def test_no_canary_gets_anywhere(
    world: World, make_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    with make_daemon() as daemon:
        told = Told(daemon)
        for number in range(4):
            one_round(world, told, number, f"round-{number}")
        one_round(world, told, None, "taken")
        process = Path(f"/proc/{daemon.process.pid}")
        told.said["cmdline"] = (process / "cmdline").read_text()
        told.said["environ"] = (process / "environ").read_text()
        limits = (process / "limits").read_text()
        assert "Max core file size        0                    0" in limits
        shown = ("status", "queue list", "history", "history taken", "history round-0",
                 "history round-1", "config show --origin")  # fmt: skip
        for words in shown:
            told.ctl(*words.split())
            told.ctl(*words.split(), "--json")
        in_setup(daemon, told)
        broken_files(daemon, told, tmp_path)
        # What was quoted at which command, refused and taken: without it, the search says nothing.
        spoke = {each for server in world.quoting.values() for each in server.spoke}
        assert {c for c, how in spoke if how == "refused"} == {*COMMANDS} - {"RSET"}
        assert {c for c, how in spoke if how == "taken"} >= {*COMMANDS} - {"STARTTLS"}
        for kind in ("file", "inline", "credential", "japanese", "access", "command"):
            assert world.quoting[kind].heard, kind
    told.said["printed"] = daemon.printed()
    told.said["mails"] = b"\n".join(mail.content for mail in world.sink.mails).decode("latin-1")
    told.said["mails as read"] = "\n".join(mail.as_read() for mail in world.sink.mails)
    assert len(world.sink.mails) > 10
    assert "********" in told.said["printed"] + told.said["history --json"]
    assert "********" in told.said["test -v admin@zaion.jp"]
    assert "********" in told.said["mails as read"]
    # The contract lets the files' own texts be kept, and a new refresh token, for the daemon alone.
    kept = [daemon.state / "last-good.json", *daemon.state.glob("oauth2-*.json")]
    assert len(kept) == 2
    for path in kept:
        assert path.stat().st_mode & 0o777 == 0o600
        assert found_in(path.read_bytes())
    assert {
        name: kinds for name, said in told.said.items() if (kinds := found_in(said.encode()))
    } == {}
    assert searched(daemon, tmp_path, *kept, tmp_path / "credentials" / "ntlm") == {}
    assert (tmp_path / "seen").read_bytes()


def in_setup(daemon: Daemon, told: Told) -> None:
    with Terminal([PROGRAMS / "zaiond-ctl", *daemon.options, "setup"]) as terminal:
        terminal.answer("[127.0.0.1]: ")
        terminal.answer("]: ")
        terminal.answer("[1]: ")
        terminal.answer("[zaion@zaion.jp]: ")
        terminal.expect("assword")
        terminal.answer(": ", CTRL_C)
        terminal.ended()
        told.said["setup"] = terminal.screen


def broken_files(daemon: Daemon, told: Told, tmp_path: Path) -> None:
    secret = CANARIES["inline"]
    base = "admins: a@zaion.jp\nmail_server:\n  host: h\n  auth:\n    username: u\n"
    lines = (
        f"    password:{secret}", f"    pasword: '{secret}'", f"    password: ['{secret}']",
        f"    password_credential: '{secret}'", f"    mechanism: '{secret}'x",
    )  # fmt: skip
    for line in lines:
        daemon.config.write_text(f"{base}{line}\n")
        told.ctl("check", "--json")
    daemon.config.write_text(f"{base}{lines[0]}\n")
    told.ctl("config", "diff")
    told.ctl("check")
    told.ctl("reload")
    told.ctl("status")
    several = daemon.config.parent / "several"
    several.write_text(f"{secret}\n{CANARIES['file']}\n")
    several.chmod(0o600)
    daemon.config.write_text(f"{base}    mechanism: basic\n    password_file: several\n")
    told.ctl("check")
    told.ctl("reload")


# Root may read everything, but for what it may do by a capability.
ORDINARY = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


def test_no_other_process_of_its_user_reads_the_daemons_memory(
    world: World, tmp_path: Path
) -> None:
    configuration = f"mail_server: {{host: 127.0.0.1, port: {world.sink.port}}}\nadmins: a@x.jp\n"

    def readable(pid: int, name: str) -> bool:
        command = (*ORDINARY, "head", "-c", "1", f"/proc/{pid}/{name}")
        return subprocess.run(command, capture_output=True, check=False).stdout != b""

    with Daemon(tmp_path, configuration, wrapper=ORDINARY) as daemon:
        assert not readable(daemon.process.pid, "environ")
        assert not readable(daemon.process.pid, "maps")
        assert readable(daemon.process.pid, "status")
    with subprocess.Popen((*ORDINARY, "sleep", "60")) as other:  # the control
        until(lambda: readable(other.pid, "environ") and readable(other.pid, "maps"), str)
        other.kill()


UNMASKED = """
import zaiond.smtp.mask as mask
mask.Mask.lines = lambda self, lines: tuple(lines)
mask.Mask.text = lambda self, text: text
from zaiond.daemon.main import main
main()
"""


def test_without_the_filter_the_canaries_are_found(
    world: World, make_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    # The control: the servers do quote, and the search does find.
    with make_daemon(sys.executable, "-c", UNMASKED) as daemon:
        told = Told(daemon)
        one_round(world, told, 2, "round-2")
        told.ctl("history", "round-2", "--json")
        told.ctl("status", "--json")
    kinds = found_in("".join(told.said.values()).encode() + daemon.printed().encode())
    assert {"file", "inline", "credential", "japanese", "access", "command", "pop"} <= {*kinds}
    everywhere = searched(daemon, tmp_path, daemon.state / "last-good.json")
    assert found_in(daemon.printed().encode())
    assert any("mails" in name or "zaiond" in name or ".db" in name for name in everywhere)
    assert any(found_in(mail.content) for mail in world.sink.mails)


def test_the_search_finds_each_canary_in_each_form() -> None:
    for kind, secret in CANARIES.items():
        for form in (secret, secret.upper(), quote(secret, safe=""), ascii(secret)):
            assert kind in found_in(b"x" + form.encode() + b"x")
        for shift in range(3):
            assert kind in found_in(base64.b64encode(b"x" * shift + secret.encode() + b"tail"))
    assert found_in(b"nothing of the kind") == []
