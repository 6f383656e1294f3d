"""`zaiond-ctl test`: the seed page's test mail."""

import shlex
from collections.abc import Sequence
from typing import Any

from zaiond.ctl import check, control, documents, emit, output, words
from zaiond.ctl.commandline import Command, Example, Line, Option
from zaiond.ctl.exit_status import FAILED, Fault, NoDaemon
from zaiond.ctl.terminal import printable, wrapped
from zaiond.text import Language, Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zaiond.config.schema import Config

COMMANDS = (
    Command(
        "test [ADDRESS...]",
        "テストメールを送り、結果を表示する\n"
        "ADDRESS を省略すると管理者（admins）に送ります。デーモンが動いていれば、使用中の設定で、"
        "デーモンのメールと同じ経路で送ります。動いていなければ、設定ファイルを読んで"
        "直接送ります。",
        "send the test mail, and say how that went\n"
        "Without an ADDRESS, to the admins. It goes the way of the running daemon's own mail, by"
        " the configuration in force, or directly by the file's where none runs.",
        Option(
            "--file FILE",
            "動いているデーモンによらず、FILE の設定で直接送る",
            "directly, by FILE: to try a configuration before it is live",
        ),
        Option(
            "-v, --verbose",
            "接続から送信までの経過も表示する",
            "show each step of the session, too",
        ),
        Option(
            "--drill TYPE",
            "代わりに、この種類の訓練のイベントを、ソケット、キュー、ルート、テンプレートを通して実際の"
            "宛先に送り、結果を待つ。emit のオプションも使える。訓練は障害やジョブの状態を変えない",
            "instead, a marked event of this type goes through socket, queue, route and template to"
            " the real recipients; waits for the outcome. The options of emit go with it. A drill"
            " opens no problem and counts for no job",
        ),
        *emit.EVENT_OPTIONS,
        Example("test postmaster@example.co.jp", "このアドレスに送ってみる", "try this address"),
        Example(
            "test --file ./zaiond.yaml -v",
            "反映する前の設定で、管理者に送ってみる",
            "try a configuration before it goes live",
        ),
        Example(
            "test --drill backup.db.failed -s crit -d host=db1",
            "本番の障害と同じ経路で届くかを試す",
            "see whether the real alarm would arrive",
        ),
    ),
)


def run(line: Line) -> int:
    """Through the daemon, or directly; exit status 1 if a mail was not taken."""
    if line.flag("drill"):
        from zaiond.ctl import drill

        return drill.run(line)
    alone = [option.names[0] for option in emit.EVENT_OPTIONS if line.flag(option.name)]
    if alone:
        raise Fault(words.only_with(one=alone[0], other="--drill"))
    from zaiond.selftest import render

    wanted = addresses(line.operands)
    file = line.text("file")
    try:
        if file is not None:
            document, language = _directly(line, file, wanted)
        else:
            document, language = control.ask(line, "test", addresses=wanted)
            _say_by_what(document, language)
    except NoDaemon:
        document, language = _directly(line, line.config(), wanted)
    if line.flag("json"):
        output.document(document)
    else:
        lines = render.lines(document, language, verbose=line.flag("verbose"))
        results = len(document["results"])
        # A result is one line of the contract's form, however long it is.
        output.show(map(printable, lines[:results]))
        output.show(part for text in lines[results:] for part in wrapped(text))
        for remark in (*render.whose(document, language), *render.remarks(document, language)):
            output.remark(remark)
    return 0 if all(result["ok"] for result in document["results"]) else FAILED


def _say_by_what(document: dict[str, Any], language: Language) -> None:
    """Where the files are broken, the daemon goes on by what was valid before."""
    config = document.get("config")
    if config is None or config["state"] != "last_good":
        return
    for error in config["errors"]:
        output.remark(documents.diagnostic(error))
    loaded = documents.when(config["loaded"])
    output.complain(words.sent_by_last_good(path=config["path"], loaded=loaded), language)


def addresses(operands: Sequence[str]) -> list[str]:
    """Those of all operands, each one address or several with commas. Raises Fault."""
    from zaiond.errors import AddressListError
    from zaiond.message.address import parse_list

    # Whoever writes `a@x.jp, b@x.jp` without quotes has commas at the ends, or alone.
    listed = [operand.strip(", ") for operand in operands if operand.strip() != ","]
    try:
        return parse_list(", ".join(listed)) if operands else []
    except AddressListError as error:
        told = error.told(lambda line: f"zaiond-ctl test {shlex.quote(line.replace(', ', ','))}")
        raise Fault(Text(*("\n".join(said) for said in zip(*told, strict=True)))) from None


def _directly(line: Line, path: str, wanted: Sequence[str]) -> tuple[dict[str, Any], Language]:
    from zaiond.config.load import load

    check.demand_readable(path)
    loaded = load(path, line.credentials())
    if loaded.config is None:
        raise check.broken(loaded.errors, output.language(line, path), words.NO_TEST_SENT)
    return by_this_process(line, loaded.config, wanted), loaded.config.language


def by_this_process(line: Line, config: "Config", addresses: Sequence[str]) -> dict[str, Any]:
    """Sends the test mail by `config`, which needs no daemon; the document of `test --json`."""
    import asyncio

    from zaiond.net.context import ConnectionContext
    from zaiond.oauth.tokens import Tokens
    from zaiond.selftest.run import self_test

    async def test() -> dict[str, Any]:
        # A refresh token that is new belongs to the daemon, though it isn't asked.
        tokens = Tokens(line.state_dir(), lambda told: output.complain(told, config.language))
        try:
            return await self_test(config, addresses, ConnectionContext(tokens))
        finally:
            await tokens.close()

    return asyncio.run(test())
