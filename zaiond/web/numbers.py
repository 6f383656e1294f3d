"""What charts show, as SVG and as the same numbers in words. Pure."""

from collections import Counter
from datetime import datetime
from typing import Any

from markupsafe import Markup

from zaiond.ctl import documents, labels
from zaiond.ctl.words import listed
from zaiond.text import Language, Text
from zaiond.web import charts
from zaiond.web.words import charts as words

# How deliveries may stand, from the bottom of a column up, each with its colour.
STATES = {
    "delivered": "green", "waiting": "yellow", "deferred": "yellow", "held": "red", "failed": "red",
    "expired": "red", "deleted": "dim", "replaced": "dim",
}  # fmt: skip
_LABELLED = 6  # hours from one label to the next

Document = dict[str, Any]


def mails_by_hour(hours: Document, language: Language) -> Document:
    """The chart of the document of `hours`, its numbers by state, and what its colours mean."""
    all_: Counter[str] = Counter()
    columns, rows = [], []
    for one in hours["hours"]:
        numbers, start = one["deliveries"], documents.local(one["start"])
        all_.update(numbers)
        hour = "-" if start is None else start.strftime("%H:%M")
        is_labelled = start is not None and start.hour % _LABELLED == 0
        parts = [(colour, numbers.get(state, 0)) for state, colour in STATES.items()]
        columns.append(charts.Column(hour if is_labelled else "", parts))
        rows.append((hour, numbers))
    states = [state for state in STATES if all_[state]]
    told = [words.counted(state=labels.STATES[one], number=all_[one]) for one in states]
    total = listed(told)
    title, description = words.MAILS.in_language(language), total.in_language(language)
    svg = charts.columns("mails-chart", title, description, columns)
    return {
        "svg": Markup(svg),  # noqa: S704 - charts.py escapes what it is given
        "states": states,
        "rows": [(hour, [numbers.get(one, 0) for one in states]) for hour, numbers in rows]
        if states
        else [],
        "legend": list(zip(map(STATES.__getitem__, states), told, strict=True)),
        "truncated": hours["truncated"],
    }


def last_runs(
    id_: str, job: str, runs: list[Document], language: Language, now: datetime
) -> Document:
    """The chart of a job's last runs, of which there is at least one, and each in words."""
    longest = max((one["seconds"] or 0.0 for one in runs), default=0.0)
    bars = [
        charts.Bar((one["seconds"] or 0.0) / longest if longest else 1.0, one["ok"]) for one in runs
    ]
    failed = sum(not one["ok"] for one in runs)
    counted = words.runs_counted(number=len(runs), failed=failed)
    title = words.runs_of(job=job).in_language(language)
    svg = charts.strip(id_, title, counted.in_language(language), bars)
    return {
        "id": f"{id_}-list",
        "svg": Markup(svg),  # noqa: S704 - charts.py escapes what it is given
        "counted": counted,
        "runs": [_run(one, now) for one in reversed(runs)],
    }


def _run(run: Document, now: datetime) -> Text:
    time = documents.brief(run["ended"], now)
    result = words.OK if run["ok"] else words.FAILED
    if run["seconds"] is None:
        return words.run_ended(time=time, result=result)
    return words.run_took(time=time, result=result, seconds=run["seconds"])
