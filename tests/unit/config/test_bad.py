"""Each directory of tests/config/bad is a configuration with exactly the errors in `expected`.

`expected` has each error as `zaiond-ctl check` prints it, in English and in Japanese; `{dir}` is
the directory.
"""

import shutil
from pathlib import Path

import pytest

from zaiond.config.load import load

CASES = sorted((Path(__file__).parents[2] / "config" / "bad").iterdir())


def found(directory: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(directory)
    lines = []
    for error in load("zaiond.yaml").errors:
        key = f"{error.key}: " if error.key else ""
        for sentence in (error.text.en, error.text.ja):
            text = sentence.replace(str(directory), "{dir}")
            lines.append(f"{error.file}:{error.line}:{error.column}: {key}{text}")
    return lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_configuration_has_exactly_the_errors_expected(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / case.name
    shutil.copytree(case, directory)
    for file in directory.rglob("*"):
        # What a clone of the repository has is readable by all.
        file.chmod(0o700 if file.is_dir() else 0o600)
    errors = found(directory, monkeypatch)
    assert errors == (case / "expected").read_text().splitlines()
    assert "s3cret" not in "".join(errors)
