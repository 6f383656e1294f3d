"""docs/templates.md says what templates see, and its example works."""

import re
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.message.test_compose import EVENTS, JST, NINE, mail, read
from tests.unit.message.test_together import event as one_of_many
from tests.unit.message.test_together import mail as mail_of_several
from tests.unit.message.test_together import together
from zaiond.config.load import load
from zaiond.message.custom import Look, TemplateFiles
from zaiond.message.view import view
from zaiond.message.words import EN
from zaiond.model import Routing, Standing

ROOT = Path(__file__).parents[3]
PAGES = [(ROOT / "docs" / f"templates{language}.md").read_text() for language in ("", ".ja")]


@pytest.fixture(params=PAGES, ids=["en", "ja"])
def example(request: pytest.FixtureRequest, tmp_path: Path) -> TemplateFiles:
    """The template of etc/examples, in the configuration that the page shows."""
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", request.param, re.MULTILINE | re.DOTALL)
    (tmp_path / "zaiond.yaml").write_text(shown)
    shutil.copytree(ROOT / "etc/examples/templates", tmp_path / "templates")
    loaded = load(str(tmp_path / "zaiond.yaml"))
    assert loaded.errors == ()
    assert loaded.config is not None
    route = loaded.config.routes["database"]
    assert route.attach == ("data.log",)
    assert route.template_files is not None
    return route.template_files


def test_the_example_tells_of_one_event(example: TemplateFiles) -> None:
    event = replace(
        EVENTS["failed"],
        type="backup.db.failed",
        data={"dataset": "prod/orders", "duration": 754, "log": "x\n"},
    )
    message = read(
        mail(event, "en", look=Look(example, ("data.log",)), routing=Routing("database"))
    )
    assert message["Subject"] == "[Zaionnex] error: prod/orders"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == (
        "Failed: backup.db: バックアップ先に接続できません\n"
        "  Sat 2013-05-25 09:12:34 +0900  backup.service\n"
        "  バックアップ先に接続できません。\n"
        "  dataset: prod/orders\n"
        "  duration: 12 min 34 s\n"
        "  zaiond-ctl history 01J0123456789ABCDEFGHJKMNP\n"
        "\n"
        "-- fileserver01.example.co.jp (database)\n"
    )
    assert "<b>Failed: backup.db: バックアップ先に接続できません</b>" in html.get_content()
    assert [part.get_filename() for part in message.iter_attachments()] == ["log.txt"]


def test_the_example_tells_of_several_and_of_an_end(example: TemplateFiles) -> None:
    of = together(one_of_many(1), one_of_many(2, "crit"), total=5)
    standing = Standing(NINE, NINE + 60, 3)
    message = read(mail_of_several(of, "problem", "en", look=Look(example), standing=standing))
    assert message["Subject"] == "[Zaionnex] OK: Critical: disk.full: 残り 2% (+4)"
    body = message.get_body(("plain",))
    assert body is not None
    assert "... 3 more\r\nlasted 1 min, reported 3 times\r\n" in body.get_content()


@pytest.mark.parametrize("page", PAGES, ids=["en", "ja"])
def test_the_page_names_all_that_a_template_sees_and_nothing_else(page: str) -> None:
    table = page.split("\n## ")[1]
    named = set(
        re.findall(r"`([a-z_.]+)", "\n".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    )
    named |= {
        f"standing{name}"
        for name in re.findall(r"`(\.[a-z]+)`", table.split("| `standing`")[1].split("\n")[0])
    }
    seen = view(
        [EVENTS["problem"]], 1, {}, words=EN, host="h", fqdn="f", user_name=str, tz=JST,
        routing=Routing(standing=Standing(NINE)), at=NINE,
    )  # fmt: skip
    names = set(seen) | {f".{name}" for name in seen["event"]}
    names |= {f"standing.{name}" for name in seen["standing"]}
    short = {name.removeprefix("event") if name.startswith("event.") else name for name in named}
    assert short == names
