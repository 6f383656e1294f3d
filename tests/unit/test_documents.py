"""What is written for people is complete in both languages, and true."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from zaiond import __version__
from zaiond.config.load import load

ROOT = Path(__file__).parents[2]
ENGLISH_PAGES = sorted(
    page.name for page in (ROOT / "docs").glob("*.[158]") if ".ja." not in page.name
)


def macros(page: str) -> list[str]:
    """The structure of a man page: its sections, paragraphs with a tag, and examples."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^\.(SH|SS|TP|nf|fi|Sh|Ss|It|Bd|Ed)\b", text, re.MULTILINE)


@pytest.mark.parametrize("page", ENGLISH_PAGES)
def test_a_man_page_has_the_same_structure_in_japanese(page: str) -> None:
    name, section = page.rsplit(".", 1)
    assert macros(f"{name}.ja.{section}") == macros(page)


def commands(readme: str) -> list[str]:
    """What a README tells to run or write: its code blocks, without what is in Japanese."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    words = [re.sub(r"\s+#.*", "", line) for block in blocks for line in block.splitlines()]
    return [line for line in words if line.isascii()]


def test_the_japanese_readme_has_every_command_of_the_english_one() -> None:
    japanese = set(commands("README.ja.md"))
    # Examples whose texts are translated, the line for English, and its output.
    translated = re.compile(r"emit|echo|language: en|Sent successfully")
    missing = [line for line in commands("README.md") if line not in japanese]
    assert [line for line in missing if not translated.search(line)] == []


def settings(page: str) -> list[str]:
    """The configurations that a page shows."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


PAGES = ("README.md", "README.ja.md", "docs/your-mail-server.md", "docs/your-mail-server.ja.md")
SHOWN = [
    pytest.param(text, id=f"{page}-{number}")
    for page in PAGES
    for number, text in enumerate(settings(page))
]


@pytest.mark.parametrize("text", SHOWN)
def test_every_configuration_that_is_shown_is_a_valid_one(text: str, tmp_path: Path) -> None:
    for name in re.findall(r"_file: (\S+)", text):
        (tmp_path / name).write_text("s3cret")
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "company-ca.pem"))
    file = tmp_path / "zaiond.yaml"
    file.write_text(re.sub(r"(token_command: \[)[^,]+", r"\g<1>/bin/true", text))
    if "mail_server:" not in text:  # a drop-in
        (tmp_path / "conf.d").mkdir()
        file.rename(tmp_path / "conf.d" / "10.yaml")
        file.write_text("mail_server: {host: mailhost}\nadmins: a@zaion.jp\n")
    for each in tmp_path.rglob("*"):
        if each.is_file():
            each.chmod(0o600)
    loaded = load(str(file))
    assert loaded.errors == ()
    # Whoever follows it has names of his own.
    assert [w for w in loaded.warnings if "example" not in w.text.en] == []


def test_the_page_on_mail_servers_shows_the_same_in_both_languages() -> None:
    english, japanese = settings(PAGES[2]), settings(PAGES[3])
    # Japanese is the default; who reads English wants English mails.
    assert english == [f"{text}language: en\n" for text in japanese]
    assert len(english) >= 10
    shared = {line for line in commands(PAGES[2]) if line != "language: en"}
    assert shared <= set(commands(PAGES[3]))


def test_the_page_on_integrations_shows_the_same_in_both_languages_and_every_example() -> None:
    pages = ("docs/integrations.md", "docs/integrations.ja.md")
    assert commands(pages[0]) == commands(pages[1])
    examples = {path.name for path in (ROOT / "etc/examples").iterdir() if path.is_file()}
    assert len(examples) > 5
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert {name for name in examples if name not in text} == set()


def test_the_page_on_the_page_shows_the_same_in_both_languages_and_its_pictures() -> None:
    pages = ("docs/page.md", "docs/page.ja.md")
    assert commands(pages[0]) == commands(pages[1])
    shown = {
        name
        for page in (*pages, "README.md", "README.ja.md")
        for name in re.findall(r"page/[\w.]+\.png", (ROOT / page).read_text(encoding="utf-8"))
    }
    pictures = list((ROOT / "docs/page").glob("*.png"))
    assert {f"page/{path.name}" for path in pictures} == shown
    assert sum(path.stat().st_size for path in pictures) < 600_000


def test_the_page_on_packages_shows_the_same_in_both_languages() -> None:
    pages = ("docs/packages.md", "docs/packages.ja.md")
    assert commands(pages[0]) == commands(pages[1])


def test_the_package_is_of_the_same_version_as_the_program() -> None:
    first = (ROOT / "debian/changelog").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(f"zaiond ({__version__}) ")


def test_the_makefile_has_what_the_readme_tells_to_run() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    for readme in ("README.md", "README.ja.md"):
        told = set(re.findall(r"make (\w+)", (ROOT / readme).read_text(encoding="utf-8")))
        assert {"demo", "test"} <= told & targets


@pytest.mark.parametrize("page", ["docs/how-it-works.md", "docs/glossary.md", "CONTRIBUTING.md"])
def test_every_path_that_a_page_about_the_code_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Za-z0-9_./-]+(?:\.(?:py|sql|toml|md|bash|[158])|/))`", text))
    if page == "docs/how-it-works.md":
        modules = re.findall(r"`([a-z]+)\.(?!(?:py|sql|toml|md)`)([a-z_]+)`", text)
        named |= {f"{package}/{module}.py" for package, module in modules}
    assert len(named) > 30
    roots = (ROOT, ROOT / "zaiond", ROOT / "tests")
    gone = [name for name in named if not any((root / name).exists() for root in roots)]
    assert gone == []


@pytest.mark.parametrize(
    "page",
    sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]),
    ids=lambda page: str(page.name),
)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs").glob("*.[158]")), ids=lambda page: str(page.name)
)
def test_a_man_page_is_of_this_version(page: Path) -> None:
    title = page.read_text(encoding="utf-8").splitlines()[0]
    assert f'"zaiond {__version__}"' in title


# One word for one thing; in the settings page's own words there is a user ID without a space.
NOT_OUR_WORDS = re.compile(
    "最後に正しかった|最後の正しい|送り元|待ち行列|版|利用者|配信|終了コード|ディレクトリー|間違|"
    "断[らりるれっ]|ユーザーID"
)
PAGE_WORDS = (ROOT / "zaiond/setup/words.py", ROOT / "zaiond/web/words/settings.py")


def literals(tree: ast.AST) -> Iterator[str]:
    """The texts of a module, each whole, however it was broken over lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
            )


def test_the_glossary_is_kept_in_every_japanese_sentence() -> None:
    documents = [ROOT / "README.ja.md", ROOT / "etc/zaiond.yaml", *(ROOT / "docs").glob("*.ja.*")]
    said = {str(path): [path.read_text(encoding="utf-8")] for path in documents}
    for path in (ROOT / "zaiond").rglob("*.py"):
        said[str(path)] = list(literals(ast.parse(path.read_text(encoding="utf-8"))))
    found = {
        (path, word)
        for path, texts in said.items()
        for text in texts
        for word in NOT_OUR_WORDS.findall(text.replace("\n", ""))
    }
    assert found == {(str(page), "ユーザーID") for page in PAGE_WORDS}


def test_no_japanese_sentence_has_the_systems_english_words() -> None:
    japanese = re.compile("[ぁ-ヿ一-鿿]")
    found = [
        f"{path}:{node.lineno}"
        for path in (ROOT / "zaiond").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        and japanese.search(next(literals(node)))
        and ".strerror" in ast.unparse(node)
    ]
    assert found == []
