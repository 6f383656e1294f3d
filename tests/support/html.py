"""A page as a test reads it: its text, and what its fields have."""

import re
from html.parser import HTMLParser

_VOID = frozenset({"input", "meta", "link", "br", "hr", "img"})


class Html(HTMLParser):
    """`text` has what a reader sees, in order, each run of blanks as one; `elements` each element's
    attributes with its own text, by tag."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._open: list[tuple[str, dict[str, str]]] = []
        self._texts: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(source)
        self.text = re.sub(r"\s+", " ", "".join(self._texts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag not in _VOID:
            self._open.append((tag, attributes))
        self._texts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass
        self._texts.append(" ")

    def handle_data(self, data: str) -> None:
        if any(tag in ("title", "script", "style") for tag, _ in self._open):
            return
        self._texts.append(data)
        for _, attributes in self._open:
            attributes["text"] = attributes.get("text", "") + data

    def by_id(self, name: str) -> dict[str, str]:
        """The one element with this id."""
        (found,) = [one for _, one in self.elements if one.get("id") == name]
        return found

    def field(self, name: str) -> dict[str, str]:
        """The one field of a form with this name."""
        (found,) = [one for tag, one in self.elements if tag == "input" and one.get("name") == name]
        return found

    def chosen(self, name: str) -> list[str]:
        """The values of the radio buttons of this name that are checked."""
        return [
            one["value"]
            for tag, one in self.elements
            if tag == "input" and one.get("name") == name and "checked" in one
        ]

    def said(self, key: str) -> str:
        """What stands beside the field of a setting, blanks as one."""
        name = key.replace(".", "-").replace("_", "-")
        return re.sub(r"\s+", " ", self.by_id(f"said-{name}").get("text", "")).strip()

    def form(self) -> dict[str, str]:
        """What a browser would send of all its fields, each name once."""
        sent: dict[str, str] = {}
        for tag, one in self.elements:
            kind = one.get("type", "text")
            if tag != "input" or "name" not in one or "disabled" in one:
                continue
            if kind != "radio" or "checked" in one:
                sent[one["name"]] = one.get("value", "")
        return sent
