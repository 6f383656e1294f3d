"""A module is short enough to be read in one go."""

from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "zaiond"
MOST_LINES = 350
MOST_LINES_OF_THE_ROOT = 200  # what only wires needs no more


def lines(module: Path) -> int:
    return len(module.read_text(encoding="utf-8").splitlines())


def test_no_module_is_too_long() -> None:
    modules = {path.relative_to(PACKAGE): lines(path) for path in PACKAGE.rglob("*.py")}
    assert len(modules) > 100
    assert {path: count for path, count in modules.items() if count > MOST_LINES} == {}


def test_the_composition_root_only_wires() -> None:
    assert lines(PACKAGE / "daemon" / "app.py") <= MOST_LINES_OF_THE_ROOT
