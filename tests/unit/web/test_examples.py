"""What etc/examples/prometheus/ has for Prometheus and others, and the page on it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.web.test_metrics import NAMES

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "etc/examples/prometheus"
PAGES = ("docs/prometheus.md", "docs/prometheus.ja.md")
_metrics = re.compile(r"\bzaiond_\w+").findall
_selected = re.compile(r"(zaiond_\w+)\{([^}]*)\}").findall
_label = re.compile(r"(\w+)\s*=~?").findall
OF_PROMETHEUS = {"job", "instance"}


def expressions() -> list[str]:
    """All that is asked of Prometheus, by the rules and by the dashboard."""
    rules = yaml.safe_load((EXAMPLES / "rules.yml").read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    return found + [one["expr"] for panel in dashboard["panels"] for one in panel["targets"]]


def test_rules_and_dashboard_ask_for_what_is_there_and_for_all_of_it() -> None:
    asked = expressions()
    assert {name for each in asked for name in _metrics(each)} == NAMES.keys()
    for each in asked:
        for name, selected in _selected(each):
            assert set(_label(selected)) - OF_PROMETHEUS <= set(NAMES[name])


def test_each_panel_of_the_dashboard_has_a_place_of_its_own() -> None:
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    panels: list[dict[str, Any]] = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells)
        taken |= cells


def test_every_alert_has_a_summary_and_says_where_to_look() -> None:
    rules = yaml.safe_load((EXAMPLES / "rules.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert "{{" in rule["annotations"]["summary"]
        assert re.search(r"zaiond-ctl|systemctl", rule["annotations"]["description"])
        tests = (ROOT / "tests/e2e/rules_test.yml").read_text()
        assert tests.count(f"alertname: {rule['alert']}") >= 2  # it fires, and it doesn't


@pytest.mark.parametrize("page", PAGES)
def test_the_page_names_every_metric_every_alert_and_every_example(page: str) -> None:
    text = (ROOT / page).read_text()
    assert {path.name for path in EXAMPLES.iterdir() if path.name not in text} == set()
    rules = yaml.safe_load((EXAMPLES / "rules.yml").read_text())
    alerts = {rule["alert"] for rule in rules["groups"][0]["rules"]}
    assert {name for name in NAMES.keys() | alerts if name not in text} == set()


def test_the_page_shows_the_same_in_both_languages() -> None:
    def shown(page: str) -> list[str]:
        text = (ROOT / page).read_text()
        return re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

    english, japanese = map(shown, PAGES)
    assert english == japanese
    assert english
