"""`zaiond-ctl web`: the page in the foreground, and who may use it as a service."""

import contextlib
import os
import sys
import time
from typing import Any

from zaiond import accounts
from zaiond.accounts import AccountsError
from zaiond.ctl import control, documents, labels, output, words
from zaiond.ctl.commandline import Command, Example, Line, Option
from zaiond.ctl.exit_status import FAILED, NOT_PERMITTED, Failure, Fault
from zaiond.ctl.terminal import Page
from zaiond.text import Language

COMMANDS = (
    Command(
        "web",
        "ブラウザーで使うページを、このターミナルで起動する\n"
        "127.0.0.1 で待ち受け、10 分以内に 1 回だけ使えるリンクを表示します。30 分間使われないか"
        " Ctrl-C で終了します。設定を変更できるのは、設定ファイルに書き込めるユーザーで起動したとき"
        "です。常に使う場合は systemctl enable --now zaiond-web.socket を実行し、web password で"
        "名前とパスワードを登録します。",
        "start the page for a browser at this terminal\n"
        "It listens on 127.0.0.1 and prints a link that works once, within 10 minutes. It ends"
        " after 30 minutes without use, and by Ctrl-C. The settings can be changed where the user"
        " who starts it may write the configuration's files. To have it all the time, run systemctl"
        " enable --now zaiond-web.socket, and set names and passwords by web password.",
        Example("web", "ブラウザーで状態と設定を見る", "see status and settings in a browser"),
    ),
    Command(
        "web password NAME",
        "ページにログインする名前とパスワードを登録する、またはパスワードを変える\n"
        "ターミナルでは 2 回入力します。それ以外では標準入力の 1 行がパスワードになります。"
        "8 文字以上で、よく使われるものは使えません。変更すると、その名前のログインはすべて"
        "終わります。",
        "set the password of a name that may log in to the page\n"
        "At a terminal it is asked for twice; else it is one line of standard input. It has 8"
        " characters at least and is none that many people use. Who was logged in by the name"
        " is logged out.",
        Example("web password yamada", "yamada のパスワードを登録する", "let yamada log in"),
    ),
    Command(
        "web token NAME",
        "プログラムが HTTP で使うトークンを作り、1 回だけ表示する\n"
        "同じ名前と用途のトークンがあれば、そのトークンは使えなくなります。",
        "make a token for a program that comes by HTTP, and print it, once\n"
        "A token of the same name and for the same use counts no more.",
        Option("--metrics", "GET /metrics を読むためのトークン", "one to read GET /metrics"),
        Option(
            "--emit",
            "POST /v1/… でイベントを送るためのトークン",
            "one to send events by POST /v1/…",
        ),
        Example("web token prometheus --metrics", "Prometheus から使う", "for Prometheus"),
        Example("web token alertmanager --emit", "Alertmanager から使う", "for Alertmanager"),
    ),
    Command(
        "web list",
        "ログインできる名前とトークンを一覧表示する",
        "list who may log in, and the tokens",
        Example("web list", "だれが使えるかを見る", "see who may use it"),
    ),
    Command(
        "web remove NAME",
        "その名前のパスワードとトークンを削除する",
        "take the password and the tokens of a name away",
        Example("web remove yamada", "異動した人のログインを止める", "when yamada has left"),
    ),
)


def run(line: Line) -> int:
    """One of web, web password, web token, web list, web remove."""
    if line.name == "web":
        return _foreground(line)
    language = output.language(line)
    where = accounts.directory(line.text("state-dir") or os.environ.get("ZAIOND_STATE_DIR"))
    try:
        if line.name == "web list":
            return _list(line, where, language)
        return _change(line, where, line.operands[0], language)
    except AccountsError as error:
        raise Failure(FAILED, error.text) from None
    except PermissionError as error:
        raise Failure(NOT_PERMITTED, words.not_permitted(path=error.filename or where)) from None
    except OSError as error:
        raise Failure(FAILED, words.cant_keep(path=error.filename or where, why=error)) from None


def _foreground(line: Line) -> int:
    """Becomes zaiond-web, which asks the daemon in this user's name."""
    if line.flag("json"):
        raise Fault(words.not_together(one="web", other="--json"))
    try:
        control.ask(line, "silence.list")
    except Failure as error:
        if error.status == NOT_PERMITTED:  # of all else the page itself tells
            said = words.page_without_rights(why=error.text)
            output.remark(said.in_language(output.language(line)))
    given = ("config", "runtime-dir", "state-dir", "spool-dir")
    options = [f"--{name}={line.text(name)}" for name in given if line.flag(name)]
    output.flush()
    program = [sys.executable, "-I", "-m", "zaiond.web.main", "--link", *options]
    os.execv(sys.executable, program)  # noqa: S606 (no shell is what is wanted)


def _change(line: Line, where: str, name: str, language: Language) -> int:
    document: dict[str, Any] = {"name": name}
    if line.name == "web password":
        accounts.check_name(name)
        accounts.set_password(where, name, _password(name, language), time.time())
        said = [words.password_set(name=name).in_language(language)]
    elif line.name == "web token":
        kind = _kind(line)
        token = accounts.new_token(where, name, kind, time.time())
        document |= {"use": kind, "token": token}
        said = [token]
        if not line.flag("json"):
            output.remark(words.TOKEN_ONCE.in_language(language))
    elif accounts.remove(where, name):
        said = [words.removed(name=name).in_language(language)]
    else:
        raise Failure(FAILED, words.nobody(name=name))
    output.answer(line, document, lambda: said)
    return 0


def _kind(line: Line) -> accounts.TokenKind:
    chosen: list[accounts.TokenKind] = [k for k in ("metrics", "emit") if line.flag(k)]
    if len(chosen) != 1:
        raise Fault(words.METRICS_OR_EMIT)
    return chosen[0]


def _password(name: str, language: Language) -> str:
    """Asked for twice at a terminal, else a line of standard input. Raises Failure."""
    if sys.stdin is None:
        raise Failure(FAILED, words.NO_PASSWORD)
    if not sys.stdin.isatty():
        return _line_of_input()
    from zaiond.ctl.setup import hidden

    try:
        password = hidden(words.new_password(name=name).in_language(language))
        accounts.check_password(password, name)  # before it is typed again
        if hidden(words.NEW_PASSWORD_AGAIN.in_language(language)) != password:
            raise Failure(FAILED, words.PASSWORDS_DIFFER)
    except (KeyboardInterrupt, EOFError):
        output.say("")
        raise Failure(FAILED, words.CANCELLED) from None
    return password


def _line_of_input() -> str:
    limit = 4 * accounts.LONGEST_PASSWORD + 2
    with contextlib.suppress(UnicodeDecodeError):
        text = sys.stdin.buffer.readline(limit).decode()
        password = text.removesuffix("\n").removesuffix("\r")
        if password:
            return password
        raise Failure(FAILED, words.NO_PASSWORD)
    raise Failure(FAILED, words.NOT_DECODABLE)


def _list(line: Line, where: str, language: Language) -> int:
    found = accounts.read(where)
    rows = [(name, "password", one.since) for name, one in found.accounts.items()]
    rows += [
        (name, kind, one.since)
        for name, kinds in found.tokens.items()
        for kind, one in kinds.items()
    ]
    rows.sort()
    document = {
        "accounts": [
            {
                "name": name,
                "use": use,
                "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
            }
            for name, use, at in rows
        ]
    }

    def lines() -> Page:
        page = Page(language)
        if not rows:
            page.line(words.NOBODY_YET)
            return page
        page.table(
            [
                (one["name"], words.USES[one["use"]], documents.when(one["since"]))
                for one in document["accounts"]
            ],
            head=(labels.NAME, words.USE, words.SET_ON),
        )
        return page

    output.answer(line, document, lines)
    return 0
