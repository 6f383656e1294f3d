"""What `zaiond-ctl test` prints of the self-test's document."""

from typing import Any

from zaiond.selftest import words
from zaiond.text import Language


def lines(document: dict[str, Any], language: Language, *, verbose: bool = False) -> list[str]:
    """What `zaiond-ctl test` prints: a line for each address, then causes and remedies.

    `verbose` adds the steps of each session, and what success means.
    """
    results = document["results"]
    shown = [result["line"] for result in results]
    failed = [result for result in results if not result["ok"]]
    hints: dict[str, list[tuple[str, str]]] = {}
    for result in failed:
        for server in result["servers"]:
            if not server["ok"]:
                hints.setdefault(server["hint"], []).append((server["server"], result["address"]))
    for text, of in hints.items():
        shown.append("")
        if len(hints) > 1:
            shown.append(_heading(of, several=any(len(r["servers"]) > 1 for r in failed)))
        shown.extend(text.splitlines())
    if verbose:
        for result in results:
            shown.extend(_steps(result, language))
        for result in results:
            if result["ok"]:
                server, address, queued = result["server"], result["address"], result["queue_id"]
                queued = words.queue_id(id=queued) if queued else ""
                taken = words.taken(server=server, address=address, queued=queued)
                shown.extend(["", taken.in_language(language)])
    return shown


def whose(document: dict[str, Any], language: Language) -> list[str]:
    """Which line is whose, if there are several: two that went well are the same."""
    results = document["results"] if len(document["results"]) > 1 else []
    return [
        words.line_of(number=number, address=result["address"]).in_language(language)
        for number, result in enumerate(results, 1)
    ]


def remarks(document: dict[str, Any], language: Language) -> list[str]:
    """What `zaiond-ctl test` says on standard error: of servers that are broken although the mail
    went out by another one.
    """
    warning = words.WARNING.in_language(language)
    broken: dict[str, list[str]] = {}
    for result in document["results"]:
        for server in result["servers"] if result["ok"] else ():
            if not server["ok"]:
                line = server["line"].removeprefix("[Error] ")
                broken.setdefault(server["hint"], []).append(f"{warning}: {line}")
    return [line for text, of in broken.items() for line in (*of, *text.splitlines())]


def _heading(of: list[tuple[str, str]], *, several: bool) -> str:
    servers = ", ".join(dict.fromkeys(server for server, _ in of))
    addresses = ", ".join(dict.fromkeys(address for _, address in of))
    return f"{servers} ({addresses})" if several else addresses


def _steps(result: dict[str, Any], language: Language) -> list[str]:
    shown: list[str] = []
    server = None
    for step in result["steps"]:
        if step["server"] != server:
            server = step["server"]
            shown.extend(["", f"{result['address']} ({server}):"])
        mark = "ok" if step["ok"] else words.FAILED.in_language(language)
        shown.append(f"  {mark} {step['step']:<8} {step['seconds']:6.3f}s  {step['detail']}")
        if step["warning"] is not None:
            shown.append(f"     {words.WARNING.in_language(language)}: {step['warning']}")
    return shown
