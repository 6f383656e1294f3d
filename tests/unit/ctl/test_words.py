"""The sentences of zaiond-ctl: both languages have what is put in, and code puts in just that."""

import ast
from pathlib import Path
from string import Formatter

import pytest

from zaiond.ctl import labels, words
from zaiond.text import Sentence, Text

SENTENCES = {
    (module.__name__.rpartition(".")[2], name): value
    for module in (words, labels)
    for name, value in vars(module).items()
    if isinstance(value, Sentence)
}


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_a_value_is_put_in_by_language_and_never_read_as_a_place_for_another() -> None:
    said = Sentence("{a} が {b}: {c}", "{b} of {a}: {c}")
    assert said(a=Text("甲", "A"), b="{a}", c=PermissionError(13, "no")) == (
        "甲 が {a}: 権限がありません",
        "{a} of A: no",
    )


@pytest.mark.parametrize(
    "module", sorted(Path(words.__file__).parent.glob("*.py")), ids=lambda module: str(module.stem)
)
def test_each_sentence_is_given_the_values_that_it_has_places_for(module: Path) -> None:
    for call in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        named = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if isinstance(call.func, ast.Name):
            of, named = "words", call.func.id
        else:
            of = ast.unparse(call.func).partition(".")[0]
        sentence = SENTENCES.get((of, named))
        given = {keyword.arg for keyword in call.keywords}
        if sentence is not None and None not in given:
            assert given == places(sentence.ja) | places(sentence.en), ast.unparse(call)
