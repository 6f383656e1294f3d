"""Templates are part of the configuration: read with it, tried with it, kept and brought back."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from zaiond.config.access import Identity
from zaiond.config.load import (
    load,
    load_files,
    new_templates,
    read_last_good,
    revert,
    save_last_good,
)
from zaiond.config.schema import Config
from zaiond.errors import Diagnostic
from zaiond.message.custom import TemplateFiles

ROUTE = "routes:\n  disks:\n    match: {type: 'disk.*'}\n    template: disk\n"
START = "mail_server: {host: mailhost}\nadmins: admin@zaion.jp\nlanguage: en\n"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    write(tmp_path, "disk.subject.j2", "{{ event.title }}")
    write(tmp_path, "disk.txt.j2", "{{ event.message }}")
    (tmp_path / "zaiond.yaml").write_text(START + ROUTE)
    return tmp_path


def write(etc: Path, name: str, text: str) -> Path:
    file = etc / "templates" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def config(etc: Path) -> Config:
    loaded = load(str(etc / "zaiond.yaml"))
    assert loaded.errors == ()
    assert loaded.config is not None
    return loaded.config


def files(etc: Path) -> TemplateFiles:
    found = config(etc).routes["disks"].template_files
    assert found is not None
    return found


def error(etc: Path) -> Diagnostic:
    (found,) = load(str(etc / "zaiond.yaml")).errors
    assert found.text.ja != found.text.en
    return found


def test_the_files_beside_the_configuration_are_read_with_it(etc: Path) -> None:
    page = write(etc, "disk.html.j2", "<p>{{ event.message }}</p>")
    loaded = load(str(etc / "zaiond.yaml"))
    assert loaded.config is not None
    found = loaded.config.routes["disks"].template_files
    assert found is not None
    assert (found.name, found.directory) == ("disk", str(etc / "templates"))
    assert dict(found.texts) == {
        "disk.subject.j2": "{{ event.title }}",
        "disk.txt.j2": "{{ event.message }}",
        "disk.html.j2": "<p>{{ event.message }}</p>",
    }
    assert loaded.files.texts[str(page)] == "<p>{{ event.message }}</p>"


def test_a_change_is_watched_for_also_of_the_html_that_is_not_there_yet(etc: Path) -> None:
    watched = load(str(etc / "zaiond.yaml")).watched
    for name in ("disk.subject.j2", "disk.txt.j2", "disk.html.j2"):
        assert str(etc / "templates" / name) in watched


def test_a_drop_in_has_its_templates_beside_itself(etc: Path) -> None:
    (etc / "zaiond.yaml").write_text(START)
    (etc / "conf.d").mkdir()
    (etc / "conf.d" / "disks.yaml").write_text(ROUTE)
    (etc / "templates").rename(etc / "conf.d" / "templates")
    assert files(etc).directory == str(etc / "conf.d" / "templates")


def test_routes_have_the_template_of_the_defaults(etc: Path) -> None:
    write(etc, "other.subject.j2", "x")
    write(etc, "other.txt.j2", "x")
    (etc / "zaiond.yaml").write_text(
        f"{START}route_defaults: {{template: other}}\n{ROUTE}  rest: {{order: 90}}\n"
    )
    routes = config(etc).routes
    names = {
        name: each.template_files and each.template_files.name for name, each in routes.items()
    }
    assert names == {"disks": "disk", "rest": "other"}
    assert config(etc).route_defaults.template_files is not None


@pytest.mark.parametrize("name", ["disk.subject.j2", "disk.txt.j2"])
def test_a_template_that_is_not_there_is_an_error_of_the_route(etc: Path, name: str) -> None:
    (etc / "templates" / name).unlink()
    found = error(etc)
    assert (found.file, found.line, found.key) == (
        str(etc / "zaiond.yaml"), 7, "routes.disks.template",
    )  # fmt: skip
    assert str(etc / "templates" / name) in found.text.en


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a\n{% if %}", 2, "Expected an expression"),
        ("a\n\n{{ evnt.message }}", 3, "evnt"),
        ("{{ event.mesage }}", 1, "mesage"),
        ("\n{{ event.message | shout }}", 2, "shout"),
        ("{{ 1 / 0 }}", 1, "ZeroDivisionError"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", 1, "250"),
        ("{% for a in range(9999) %}{{ a }}{{ 'x' * 99 }}{% endfor %}", 1, "256 KiB"),
        ("\n{% include name %}", 2, "quotes"),
        ("{% include '../zaiond.yaml' %}", 1, "templates/"),
        ("\n{% include 'no.j2' %}", 2, "no.j2"),
        ("{% autoescape false %}{% endautoescape %}", 1, "escaped"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", 1, "Recursion"),
        ("{{ " + "9" * 5000 + " }}", 1, "ValueError"),
        ("{% if language == 'ja' %}{{ wrong }}{% endif %}", 1, "wrong"),
        ("{% if total > 1 %}{{ wrong }}{% endif %}", 1, "wrong"),
        ("{% if standing and standing.until %}{{ wrong }}{% endif %}", 1, "wrong"),
        ("{% if event.job %}{{ wrong }}{% endif %}", 1, "wrong"),
    ],
)
def test_what_is_wrong_with_a_template_is_told_by_its_file_and_line(
    etc: Path, text: str, line: int, said: str
) -> None:
    file = write(etc, "disk.txt.j2", text)
    found = error(etc)
    assert (found.file, found.line, found.key) == (str(file), line, "routes.disks.template")
    assert said in found.text.en


def test_what_is_wrong_with_the_html_is_told_of_that_file(etc: Path) -> None:
    file = write(etc, "disk.html.j2", "<p>\n{{ event.message | safe }}</p>")
    assert (error(etc).file, error(etc).line) == (str(file), 2)


def test_what_is_wrong_with_a_template_of_several_routes_is_told_once(etc: Path) -> None:
    write(etc, "disk.txt.j2", "{{ wrong }}")
    (etc / "zaiond.yaml").write_text(f"{START}{ROUTE}  more: {{template: disk}}\n")
    assert error(etc).key == "routes.disks.template"


def test_that_the_samples_lack_a_field_is_no_error(etc: Path) -> None:
    write(etc, "disk.txt.j2", "{% if data.percent > 90 %}{{ data.disk.name.upper() }}{% endif %}")
    assert files(etc)


def test_what_a_template_includes_is_read_with_it_to_any_depth(etc: Path) -> None:
    write(etc, "disk.txt.j2", "{% extends 'base.j2' %}{% block x %}{{ super() }}{% endblock %}")
    write(etc, "base.j2", "{% block x %}{% include 'parts/foot.j2' %}{% endblock %}")
    write(etc, "parts/foot.j2", "{% import 'parts/m.j2' as m %}{{ m.hi() }}")
    write(etc, "parts/m.j2", "{% macro hi() %}{{ nosuch }}{% endmacro %}")
    found = error(etc)
    assert (found.file, found.line) == (str(etc / "templates/parts/m.j2"), 1)
    write(etc, "parts/m.j2", "{% macro hi() %}hi{% endmacro %}")
    assert set(dict(files(etc).texts)) == {
        "disk.subject.j2", "disk.txt.j2", "base.j2", "parts/foot.j2", "parts/m.j2",
    }  # fmt: skip


def test_what_may_be_missing_may_be_missing(etc: Path) -> None:
    write(etc, "disk.txt.j2", "{% include 'local.j2' ignore missing %}x")
    assert "local.j2" not in dict(files(etc).texts)
    assert str(etc / "templates/local.j2") in load(str(etc / "zaiond.yaml")).watched


@pytest.mark.parametrize("text", ["x" * (256 * 1024 + 1), "\xff"])
def test_a_template_that_is_too_large_or_no_text_is_an_error(etc: Path, text: str) -> None:
    file = etc / "templates" / "disk.txt.j2"
    file.write_bytes(text.encode("latin-1"))
    assert str(file) in error(etc).text.en


def test_a_template_that_includes_too_much_is_an_error(etc: Path) -> None:
    for number in range(60):
        write(etc, f"{number}.j2", "x")
    write(etc, "disk.txt.j2", "".join(f"{{% include '{n}.j2' %}}" for n in range(60)))
    assert "50" in error(etc).text.en


def test_a_template_that_the_daemon_could_not_read_is_an_error(etc: Path) -> None:
    nobody = Identity("nobody", 65534, 65534, frozenset({65534}))
    for each in (etc / "templates", *(etc / "x").parents):
        if not each.stat().st_mode & 0o001:
            each.chmod(0o755)
    (etc / "zaiond.yaml").chmod(0o644)
    (etc / "templates" / "disk.subject.j2").chmod(0o644)
    file = etc / "templates" / "disk.txt.j2"
    file.chmod(0o600)
    texts = [each.text.en for each in load(str(etc / "zaiond.yaml"), reader=nobody).errors]
    assert any(str(file) in text for text in texts), texts


def test_the_last_good_configuration_has_its_templates(etc: Path, tmp_path: Path) -> None:
    loaded = load(str(etc / "zaiond.yaml"))
    state = tmp_path / "state"
    state.mkdir()
    save_last_good(str(state), loaded.files)
    write(etc, "disk.txt.j2", "{{ broken")
    kept = read_last_good(str(state))
    assert kept is not None
    again = load_files(kept)
    assert again.errors == ()
    assert again.config is not None
    assert again.config == loaded.config
    # And back to disk.
    assert revert(kept) == [str(etc / "templates" / "disk.txt.j2")]
    assert (etc / "templates" / "disk.txt.j2").read_text() == "{{ event.message }}"
    assert config(etc)


def test_what_was_not_there_then_is_put_aside_when_the_files_are_brought_back(etc: Path) -> None:
    kept = load(str(etc / "zaiond.yaml")).files
    page = write(etc, "disk.html.j2", "<p>")
    assert new_templates(kept) == [str(page)]
    assert revert(kept) == [str(page)]
    assert (etc / "templates" / "disk.html.j2.reverted").read_text() == "<p>"
    assert new_templates(kept) == []
    assert load(str(etc / "zaiond.yaml")).files == kept


def test_a_template_that_is_gone_is_brought_back(etc: Path) -> None:
    kept = load(str(etc / "zaiond.yaml")).files
    shutil.rmtree(etc / "templates")
    assert len(revert(kept)) == 2
    assert load(str(etc / "zaiond.yaml")).files == kept


def test_a_template_is_shown_by_its_name(etc: Path) -> None:
    shown = {each.key: each.value for each in load(str(etc / "zaiond.yaml")).settings}
    assert shown["routes.disks.template"] == "disk"


def test_jinja2_is_not_loaded_where_no_route_has_a_template(etc: Path) -> None:
    (etc / "zaiond.yaml").write_text(START)
    program = (
        "import sys; from zaiond.config.load import load; import zaiond.message.compose;"
        f"assert load({str(etc / 'zaiond.yaml')!r}).config; assert 'jinja2' not in sys.modules;"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
