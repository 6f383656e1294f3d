"""Sentences: both languages have what is put in, and code puts in just that."""

import ast
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from string import Formatter

import pytest

from zaiond.client import words as of_client
from zaiond.config import schema
from zaiond.config.words import files, settings
from zaiond.ctl import labels
from zaiond.ctl import words as of_ctl
from zaiond.daemon import words as of_daemon
from zaiond.daemon.words import routes, watch
from zaiond.intake import words as of_intake
from zaiond.setup import words as of_setup
from zaiond.text import Sentence, Text
from zaiond.web import words as of_web

PACKAGE = Path(str(schema.__file__)).parents[1]
FILES = [
    file
    for room in (of_ctl, of_daemon, of_intake, of_setup, of_client, schema)
    for file in sorted(Path(str(room.__file__)).parent.rglob("*.py"))
]
SENTENCES = {
    (*module.__name__.split(".")[1:], name): value
    for module in (of_ctl, labels, of_daemon, of_intake, of_setup, of_client)
    for name, value in vars(module).items()
    if isinstance(value, Sentence)
}
SENTENCES |= {  # each module imports one of the two, as `words`
    ("config", "words", name): value
    for module in (files, settings)
    for name, value in vars(module).items()
    if isinstance(value, Sentence)
}
SENTENCES |= {
    ("daemon", module.__name__.rpartition(".")[2], name): value
    for module in (routes, watch)
    for name, value in vars(module).items()
    if isinstance(value, Sentence)
}

OF_WEB = [  # a page imports its own as `words`: none is called as that of another
    import_module(f"{of_web.__name__}.{each.name}") for each in iter_modules(of_web.__path__)
]
SENTENCES |= {
    ("web", "words", name): value
    for module in (of_web, *OF_WEB)
    for name, value in vars(module).items()
    if isinstance(value, Sentence)
}
FILES += sorted((PACKAGE / "web").rglob("*.py"))


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_a_value_is_put_in_by_language_and_never_read_as_a_place_for_another() -> None:
    said = Sentence("{a} が {b}: {c}", "{b} of {a}: {c}")
    assert said(a=Text("甲", "A"), b="{a}", c=PermissionError(13, "no")) == (
        "甲 が {a}: 権限がありません",
        "{a} of A: no",
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_each_sentence_is_given_the_values_that_it_has_places_for(file: Path) -> None:
    room = file.relative_to(PACKAGE).parts[0]
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        *module, name = ast.unparse(call.func).split(".")
        sentence = SENTENCES.get((room, *(module or [file.stem]), name))
        given = {keyword.arg for keyword in call.keywords}
        if isinstance(sentence, Sentence) and None not in given:
            assert given == places(sentence.ja) | places(sentence.en), ast.unparse(call)
