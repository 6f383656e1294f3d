"""Sentences: both languages have what is put in, and code puts in just that. What the system says
is told in Japanese, and never as nothing.
"""

import ast
import errno
import os
from pathlib import Path
from string import Formatter

import pytest

import zaiond.client.words
import zaiond.ctl.labels
import zaiond.ctl.words
import zaiond.intake.words
from zaiond.text import Sentence, Text, in_japanese

ROOT = Path(zaiond.__file__).parent
WORDS = {
    ROOT / "client": (zaiond.client.words,),
    ROOT / "ctl": (zaiond.ctl.words, zaiond.ctl.labels),
    ROOT / "intake": (zaiond.intake.words,),
}
SENTENCES = {
    room: {
        (module.__name__.rpartition(".")[2], name): value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Sentence)
    }
    for room, modules in WORDS.items()
}
MET = (
    errno.EACCES, errno.EADDRINUSE, errno.ECONNREFUSED, errno.EIO, errno.EISDIR, errno.ELOOP,
    errno.EMFILE, errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
)  # fmt: skip


@pytest.mark.parametrize("number", MET, ids=errno.errorcode.get)
def test_what_users_meet_has_no_english_word(number: int) -> None:
    assert not any(sign.isascii() for sign in in_japanese(OSError(number, os.strerror(number))))


def test_what_is_rare_is_in_the_systems_words() -> None:
    assert in_japanese(OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))) == "No locks available"
    assert in_japanese(OSError("broken")) == "broken"


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_a_value_is_put_in_by_language_and_never_read_as_a_place_for_another() -> None:
    said = Sentence("{a} が {b}: {c}", "{b} of {a}: {c}")
    assert said(a=Text("甲", "A"), b="{a}", c=PermissionError(13, "no")) == (
        "甲 が {a}: 権限がありません",
        "{a} of A: no",
    )


@pytest.mark.parametrize(
    "module",
    sorted(path for room in WORDS for path in room.rglob("*.py")),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_each_sentence_is_given_the_values_that_it_has_places_for(module: Path) -> None:
    sentences = next(found for room, found in SENTENCES.items() if module.is_relative_to(room))
    for call in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        named = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if isinstance(call.func, ast.Name):
            of, named = "words", call.func.id
        else:
            of = ast.unparse(call.func).partition(".")[0]
        sentence = sentences.get((of, named))
        given = {keyword.arg for keyword in call.keywords}
        if sentence is not None and None not in given:
            assert given == places(sentence.ja) | places(sentence.en), ast.unparse(call)
