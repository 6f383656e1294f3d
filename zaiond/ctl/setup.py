"""`zaiond-ctl setup`: the seed's settings page at the terminal."""

import contextlib
import os
import sys
import warnings
from getpass import GetPassWarning, getpass
from typing import Any

from zaiond.ctl import check, control, output, test, words
from zaiond.ctl.commandline import Command, Example, Line
from zaiond.ctl.exit_status import (
    BAD_CONFIG,
    FAILED,
    NOT_PERMITTED,
    TRY_AGAIN,
    Failure,
    Fault,
    NoDaemon,
)
from zaiond.ctl.terminal import one_line
from zaiond.text import Language

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zaiond.setup.answers import Answers
    from zaiond.setup.dialogue import Ask, Review, Try
    from zaiond.setup.files import Settings

COMMANDS = (
    Command(
        "setup",
        "メールサーバー設定を対話形式で行い、テストして更新する\n"
        "Enter だけを押すと今の値のままになります。「更新」を選ぶまでファイルは変わりません。"
        "キャンセル（Ctrl-C、Ctrl-D も）の終了ステータスは 1 です。設定ファイルのコメントや"
        "書き方は残ります。",
        "ask for the mail server settings, try them, and update the configuration\n"
        'Enter alone keeps a value. Nothing is written before "Update" is chosen; after "Cancel"'
        " (Ctrl-C and Ctrl-D, too) the exit status is 1. The file's comments and layout are kept.",
        Example("setup", "質問に答えて設定する", "answer the questions"),
        Example(
            "--config ./zaiond.yaml setup",
            "ほかの設定ファイルを作る、または書き換える",
            "make or change another file",
        ),
    ),
)


def run(line: Line) -> int:
    """Asks, tries, writes; exit status 1 if it was cancelled."""
    from zaiond.setup.files import ChangedMeanwhileError

    with contextlib.ExitStack() as stack:
        if line.flag("json") and sys.stderr is not None:  # standard output is for the document
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        streams = (sys.stdin, sys.stdout)
        if not all(stream is not None and stream.isatty() for stream in streams):
            raise Fault(words.NEEDS_TERMINAL)
        path = line.config()
        check.demand_readable(path)
        language = output.language(line)
        try:
            files = _updated(line, path, language)
            status = FAILED if files is None else _reload(line, path, language) if files else 0
        except ChangedMeanwhileError as error:
            raise Failure(TRY_AGAIN, error.text) from None
        except PermissionError as error:
            text = words.not_permitted(path=error.filename)
            raise Failure(NOT_PERMITTED, text) from None
    if line.flag("json"):
        output.document({"updated": bool(files), "files": files or []})
    return status


def _updated(line: Line, path: str, language: Language) -> list[str] | None:
    """The files that were written; None if it was cancelled."""
    from zaiond.setup.files import Settings

    settings = Settings(path, language, line.credentials())
    if settings.errors:
        raise check.broken(settings.errors, language, words.mend_first(path=path))
    answers = _answers(line, settings, language)
    if answers is None:
        output.say(words.CANCELLED.in_language(language))
        return None
    changed = answers.changes or answers.secrets
    files = settings.write(settings.candidate(answers)) if changed else []
    for said in [words.updated(path=file) for file in files] or [words.NOTHING_TO_CHANGE]:
        output.say(said.in_language(language))
    return files


def _answers(line: Line, settings: "Settings", language: Language) -> "Answers | None":
    """Leads the dialogue; None if it was cancelled."""
    from zaiond.setup.dialogue import Ask, Dialogue, Review, Say, Try

    with contextlib.suppress(ImportError):  # not every Python has it
        import readline  # lets lines be edited while they are typed, full-width characters too

        readline.set_auto_history(False)
    steps = Dialogue(settings.current, language).run()
    came: Any = None
    try:
        while True:
            step = steps.send(came)
            came = None
            if isinstance(step, Say):
                output.say(step.text)
            elif isinstance(step, Ask):
                came = _typed(step, language)
            elif isinstance(step, Review):
                came = _reviewed(settings, step, language)
            elif isinstance(step, Try):
                output.flush()
                came = _tried(line, settings, step)
    except StopIteration as end:
        found: Answers | None = end.value
        return found
    except (KeyboardInterrupt, EOFError):
        output.say("")
        return None


def _reviewed(
    settings: "Settings", step: "Review", language: Language
) -> tuple[list[str], list[str]]:
    from zaiond.config.edit import EditError

    try:
        loaded = settings.candidate(step.answers)
    except EditError as error:
        return [error.text.in_language(language)], []
    warning = words.WARNING.in_language(language)
    # No file has it yet, and no line: the key says where.
    return (
        [f"{one.key}: {one.text.in_language(language)}" for one in loaded.errors],
        [f"{one.key}: {warning}: {one.text.in_language(language)}" for one in loaded.warnings],
    )


def _tried(line: Line, settings: "Settings", step: "Try") -> list[str]:
    from zaiond.selftest import render

    config = settings.candidate(step.answers).config
    assert config is not None  # noqa: S101 (it was reviewed)
    document = test.by_this_process(line, config, step.addresses)
    remarks = render.remarks(document, config.language)
    return render.lines(document, config.language) + (["", *remarks] if remarks else [])


def _reload(line: Line, path: str, language: Language) -> int:
    """Tells what becomes of it; as `reload` where the daemon doesn't take it."""
    try:
        control.ask(line, "reload")
        in_use = control.ask(line, "config.last_good").result["main"]
    except control.Refused as refusal:
        return check.refused(line, refusal)
    except NoDaemon:
        errors = check.for_daemon(line, os.path.abspath(path)).errors
        for error in errors:
            output.remark(error.formatted.in_language(language))
        if errors:
            return BAD_CONFIG
        text = words.HOW_TO_START
    else:
        if os.path.realpath(in_use) == os.path.realpath(path):
            text = words.TAKEN
        else:
            text = words.another_in_use(path=in_use)
    output.say(text.in_language(language))
    return 0


def _typed(question: "Ask", language: Language) -> str:
    """The line that was typed. Raises EOFError (Ctrl-D), KeyboardInterrupt, Failure."""
    prompt = output.with_signs_of(sys.stdout, one_line(question.prompt))
    output.flush()
    while True:
        try:
            return hidden(prompt) if question.secret else input(prompt)
        except UnicodeDecodeError:
            output.say(words.NOT_DECODABLE.in_language(language))


def hidden(prompt: str) -> str:
    """A line typed without an echo. Raises EOFError, KeyboardInterrupt, Failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            return getpass(prompt, sys.stdout)  # not to /dev/tty, which knows no encoding
        except GetPassWarning:
            raise Failure(FAILED, words.CANT_HIDE) from None
