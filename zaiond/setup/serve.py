"""The settings page's files, for a program that may not read them: `python -m zaiond.setup.serve`.

It does what `zaiond-ctl setup` does, without a terminal: one JSON line on standard input is a
request, and is answered by a line on standard output (`try`: by several, the last one has `ok`). It
serves one caller, with the rights that it was started with, and ends with its input. No reply has a
secret in it, but for `listen` (docs/how-it-works.md has the requests).

Beside the settings it changes the password of a user of the page, for who knows the present one.
"""

import argparse
import contextlib
import os
import resource
import select
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from zaiond import accounts
from zaiond.accounts import AccountsError, WrongPasswordError
from zaiond.config.access import credentials
from zaiond.config.edit import EditError
from zaiond.config.kinds import WrongValueError
from zaiond.config.language import wanted_language
from zaiond.config.load import Loaded
from zaiond.config.schema import Config, declaration
from zaiond.errors import Diagnostic, ZaiondError
from zaiond.setup import words
from zaiond.setup.answers import Answers, Page
from zaiond.setup.files import ChangedMeanwhileError, Settings
from zaiond.setup.listen import listening
from zaiond.text import Language, Text

REQUEST_BYTES = 1024 * 1024
REQUEST_SECONDS = 30.0
ADDRESSES = "addresses"
_STATE_DIR = "/var/lib/zaiond"

Reply = dict[str, Any]
Say = Callable[[Reply], None]


class Request(msgspec.Struct):
    """What is asked. `changes` is what was entered, by dotted key, whether it is one or not;
    `secrets` by the mapping of their login; `addresses` as they were typed; `name`, `present` and
    `new` are of a password."""

    do: Literal["show", "try", "update", "listen", "password"]
    language: Language = "ja"
    changes: dict[str, str] = {}
    secrets: dict[str, str] = {}
    addresses: str = ""
    revision: str = ""
    name: str = ""
    present: str = ""
    new: str = ""


class _Review(NamedTuple):
    """What the configuration would be, None where there are errors; and to whom the test goes."""

    loaded: Loaded | None
    addresses: Sequence[str]
    answers: Answers
    errors: list[Reply]
    warnings: list[Reply]


class Server:
    """Answers requests; `say` gets each line of a reply. `state_dir` None: all stands where it does
    by default.
    """

    def __init__(self, config: str, state_dir: str | None, say: Say) -> None:
        self._config = config
        self._state_dir = state_dir
        self._say = say

    def answer(self, line: bytes) -> None:
        """Answers one request, whatever it is."""
        try:
            request = msgspec.json.decode(line, type=Request)
        except (msgspec.DecodeError, RecursionError):
            self._refuse("malformed", words.NO_REQUEST)
            return
        try:
            self._say({"ok": True, **self._answer(request)})
        except _Refused as refused:
            self._say({"ok": False, **refused.reply})
        except PermissionError as error:
            self._refuse("not_permitted", words.not_permitted(path=error.filename))
        except WrongPasswordError as error:
            self._refuse("wrong", error.text)
        except AccountsError as error:
            self._refuse("refused", error.text)
        except ZaiondError as error:
            self._refuse("unusable", error.text)
        except OSError as error:  # of accounts.json: the settings' own say more
            self._refuse("unusable", words.unwritable(path=error.filename, why=error.strerror))

    def _refuse(self, code: str, text: Text) -> None:
        self._say({"ok": False, "code": code, "message": text._asdict()})

    def _answer(self, request: Request) -> Reply:
        if request.do == "listen":
            return listening(self._config)
        if request.do == "show":
            return self._shown(request)
        if request.do == "password":
            return self._change_password(request)
        settings = Settings(self._config, request.language, credentials())
        if settings.errors:
            raise _Refused({"code": "broken", **self._shown(request)})
        if request.do == "update" and settings.revision != request.revision:
            raise self._changed_meanwhile(request)
        review = _review(settings, request)
        if review.loaded is None or review.loaded.config is None:
            found = {"errors": review.errors, "warnings": review.warnings}
            raise _Refused({"code": "errors", **found})
        if request.do == "try":
            return self._try(review.loaded.config, review.addresses, request.language)
        changed = review.answers.changes or review.answers.secrets
        try:
            files = settings.write(review.loaded) if changed else []
        except ChangedMeanwhileError:
            raise self._changed_meanwhile(request) from None
        return {"files": files, "path": settings.main, "warnings": review.warnings}

    def _change_password(self, request: Request) -> Reply:
        where, now = accounts.directory(self._state_dir), time.time()
        accounts.change_password(where, request.name, request.present, request.new, now)
        return {"since": now}

    def _shown(self, request: Request) -> Reply:
        # Of the files as they were before they were read: what changes meanwhile is found later.
        before = Settings(self._config, request.language, credentials())
        revision = before.revision
        settings = Settings(self._config, request.language, credentials())
        language: Language = request.language
        if not settings.is_new:
            with contextlib.suppress(OSError):
                language = wanted_language(self._config)
        return {
            "path": settings.main,
            "new": settings.is_new,
            "language": language,
            "revision": revision,
            "settings": {
                key: {
                    "text": now.text,
                    "locked": now.locked and now.locked._asdict(),
                    "proposed": now.proposed,
                    "lent": now.lent,
                }
                for key, now in settings.current.items()
            },
            "broken": [_diagnostic(error) for error in settings.errors],
            "errors": [_diagnostic(error) for error in settings.mendable],
            "warnings": [_diagnostic(warning) for warning in settings.warnings],
        }

    def _changed_meanwhile(self, request: Request) -> "_Refused":
        return _Refused({"code": "changed_meanwhile", **self._shown(request)})

    def _try(self, config: Config, addresses: Sequence[str], language: Language) -> Reply:
        from zaiond.setup.trying import tried  # what the rest need not load

        return tried(config, addresses, language, self._state_dir or _STATE_DIR, self._say)


class _Refused(Exception):  # noqa: N818 - it answers, it doesn't break
    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


def _review(settings: Settings, request: Request) -> _Review:
    page = Page(settings.current)
    wrong = list(page.take_all(request.changes, request.secrets))
    addresses, errors = _addresses(request.addresses)
    errors += [{"key": key, **text._asdict()} for key, text in wrong]
    loaded: Loaded | None = None
    warnings: list[Reply] = []
    try:
        loaded = settings.candidate(page.answers)
    except EditError as error:
        errors.append({"key": error.key, **error.text._asdict()})
    else:
        # No file has it yet, and no line: the key says where.
        known = {key for key, _ in wrong}
        errors += [
            {"key": one.key, **one.text._asdict()} for one in loaded.errors if one.key not in known
        ]
        warnings = [{"key": one.key, **one.text._asdict()} for one in loaded.warnings]
    return _Review(None if errors else loaded, addresses, page.answers, errors, warnings)


def _addresses(typed: str) -> tuple[tuple[str, ...], list[Reply]]:
    """None typed: the admins, as with `test`."""
    try:
        kind = declaration(words.ADMINS.key).kind
        return (kind.parse(typed.strip()) if typed.strip() else ()), []
    except WrongValueError as error:
        return (), [{"key": ADDRESSES, **told._asdict()} for told in error.told(str)]


def _diagnostic(found: Diagnostic) -> Reply:
    return {"key": found.key, "file": found.file, "line": found.line, **found.text._asdict()}


def _lines() -> Iterator[bytes]:
    """Each line of standard input, until its end, or until nothing more comes."""
    kept = b""
    while True:
        line, newline, rest = kept.partition(b"\n")
        if newline:
            kept = rest
            yield line
            continue
        readable, _, _ = select.select([0], [], [], REQUEST_SECONDS)
        more = os.read(0, 65536) if readable else b""
        if not more or len(kept) > REQUEST_BYTES:
            return
        kept += more


def _say(reply: Reply) -> None:
    left = msgspec.json.encode(reply) + b"\n"
    while left:
        left = left[os.write(1, left) :]


def main() -> None:
    """The program: `python -I -X utf8 -m zaiond.setup.serve`."""
    parser = argparse.ArgumentParser(prog="python -m zaiond.setup.serve", allow_abbrev=False)
    config = os.environ.get("ZAIOND_CONFIG") or "/etc/zaiond/zaiond.yaml"
    state_dir = os.environ.get("ZAIOND_STATE_DIR") or None
    parser.add_argument("--config", default=config, metavar="FILE")
    parser.add_argument("--state-dir", default=state_dir, metavar="DIR")
    options = parser.parse_args()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no secret in a core dump
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        server = Server(options.config, options.state_dir, _say)
        for line in _lines():
            server.answer(line)


if __name__ == "__main__":
    main()
