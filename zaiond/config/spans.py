"""Where each value of a YAML text begins and ends, by PyYAML's marks."""

from dataclasses import dataclass, field
from typing import Any, Literal

import yaml


@dataclass(slots=True)
class Node:
    """A value, from `start` to `end` of the text; its inner nodes by their keys, or in order."""

    kind: Literal["scalar", "mapping", "sequence"]
    start: int
    end: int
    column: int = 0
    flow: bool = False
    named: bool = False
    style: str | None = None
    text: str = ""
    keys: list["Node"] = field(default_factory=list)
    values: list["Node"] = field(default_factory=list)

    def value(self, name: str) -> "Node | None":
        """The value of a key."""
        for key, value in zip(self.keys, self.values, strict=False):
            if key.text == name:
                return value
        return None


def read(text: str) -> Node:
    """The top of a text that `tree.read` has taken: so it is no deeper than that allows."""
    loader = yaml.CLoader(text)
    events: list[Any] = []
    while (event := loader.get_event()) is not None:
        events.append(event)
    events = events[:0:-1]  # without the stream's start, the next one last
    if isinstance(events.pop(), yaml.DocumentStartEvent):
        return _node(text, events)
    return Node("mapping", len(text), len(text))


def _node(text: str, events: list[Any]) -> Node:
    event = events.pop()
    start, end = event.start_mark.index, event.end_mark.index
    named = getattr(event, "anchor", None) is not None
    column = event.start_mark.column
    if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        node = Node("mapping" if is_mapping else "sequence", start, end, column)
        node.flow, node.named = bool(event.flow_style), named
        while not isinstance(events[-1], yaml.MappingEndEvent | yaml.SequenceEndEvent):
            if is_mapping:
                node.keys.append(_node(text, events))
            node.values.append(_node(text, events))
        closing = events.pop()
        # The end of a block is only told at what comes next, behind any comments.
        last = node.values[-1].end if node.values else end
        node.end = closing.end_mark.index if node.flow else last
        return node
    style, value = getattr(event, "style", None), getattr(event, "value", "")
    end = start + len(text[start:end].rstrip())  # a block of text goes up to the next line
    return Node("scalar", start, end, column, named=named, style=style, text=value)
