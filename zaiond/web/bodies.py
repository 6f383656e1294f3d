"""What is posted, as lines for the event socket: one event, JSON lines, a CloudEvents batch, or a
CloudEvent in HTTP's headers. Pure.

What is right about an event the daemon says: here a line is left as it was sent, but for a source
where it names none.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from zaiond import event_rules
from zaiond.text import Text
from zaiond.web.words import doors as words

BODY_BYTES = 4 * 1024 * 1024  # of events
BYTES_IN_ALL = 32 * 1024 * 1024  # of all bodies that are being read and sent on
MOST_EVENTS = 10_000  # of a body
MOST_VALUES = 200_000  # of a batch, by its commas and brackets: what it costs to take it apart
BATCH = "application/cloudevents-batch+json"
_BOM = b"\xef\xbb\xbf"  # RFC 8259 8.1: it may be ignored
_BLANKS = b" \t\r\n"
_decode_batch = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder(msgspec.Raw).decode
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what decoding raises


class Unreadable(Exception):  # noqa: N818 - the producer's, not ours
    """A body without an event: why, and whether it is only too large."""

    def __init__(self, text: Text, *, too_large: bool = False) -> None:
        super().__init__(text.en)
        self.text = text
        self.too_large = too_large


class Room:
    """For so many bytes of bodies there is room at a time."""

    def __init__(self) -> None:
        self._left = BYTES_IN_ALL

    def take(self, size: int) -> bool:
        """Whether there is room for so many more, which are taken then."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give(self, size: int) -> None:
        """So many are held no more."""
        self._left += size


def lines(headers: Mapping[str, str], body: bytes, source: str) -> list[bytes]:
    """The lines of the events that were posted; of a batch there may be none. `headers` by their
    names in lower case; `source` is for events that name none. Raises Unreadable.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-type" in headers or "ce-specversion" in headers:
        found = [_of_headers(headers, kind, body)]
    else:
        body = body.removeprefix(_BOM).strip(_BLANKS)
        is_batch = kind == BATCH or body.startswith(b"[")
        found = _of_batch(body) if is_batch else _of_text(body)
        if not found and not is_batch:
            raise Unreadable(words.NO_EVENT)
    return [with_source(line, source) for line in found]


def _of_batch(body: bytes) -> list[bytes]:
    # CloudEvents JSON format 4: an array of events, which may be empty.
    if _values(body) > MOST_VALUES:
        raise _too_many()
    try:
        found = [_on_one_line(bytes(one)) for one in _decode_batch(body)]
    except _NO_JSON:
        whole = _as_the_daemon_reads(body)
        if not isinstance(whole, list):
            raise Unreadable(words.NO_BATCH) from None
        found = [_encode(one) for one in whole]
    if len(found) > MOST_EVENTS:
        raise _too_many()
    return found


def _of_text(body: bytes) -> list[bytes]:
    if b"\n" not in body:
        return [body] if body else []
    try:
        return [_on_one_line(bytes(_decode_any(body)))]  # one event, over several lines
    except _NO_JSON:
        pass
    if not _stripped(body.partition(b"\n")[0]).endswith(b"}"):  # the first line is no event
        whole = _as_the_daemon_reads(body)
        if whole is not None:
            return [_encode(whole)]
    if body.count(b"\n") >= MOST_EVENTS:
        raise _too_many()
    return [line for line in map(_stripped, body.split(b"\n")) if line]


def _as_the_daemon_reads(json: bytes) -> Any:
    """The value of JSON with what msgspec doesn't take (half a pair of surrogates, a number that is
    none); None: it is no JSON to the daemon, either.
    """
    if _values(json) > MOST_VALUES:
        return None
    try:
        return event_rules.decoded(json)
    except event_rules.Unfit:
        return None


def _values(json: bytes) -> int:
    """How many values there may be, at most."""
    return json.count(b",") + json.count(b"{") + json.count(b"[")


def _stripped(line: bytes) -> bytes:
    return line.strip(_BLANKS)


def _too_many() -> Unreadable:
    return Unreadable(words.too_many(most=f"{MOST_EVENTS:,}"), too_large=True)


def _on_one_line(value: bytes) -> bytes:
    """JSON on one line: in it, a line end stands between two values only (RFC 8259 7)."""
    return value.replace(b"\n", b" ").replace(b"\r", b" ")


def with_source(line: bytes, source: str) -> bytes:
    """The line, with this source if it has none. What is no event stays as it is."""
    try:
        event_rules.bound_values(line)
        event = _decode(line)
    except event_rules.Unfit:
        return line
    except _NO_JSON:
        return _cleaned(line, source)
    if not isinstance(event, dict) or event.get("source") is not None:
        return line
    if "source" in event:
        return _encode({**event, "source": source})
    # Put in as text: nothing of what was sent is changed, numbers included.
    comma = b"," if event else b""
    longer = b'{"source":' + _encode(source) + comma + line.lstrip(_BLANKS)[1:]
    # What just has its room goes as it was sent.
    return longer if len(longer) <= event_rules.MAX_EVENT_BYTES else line


def _cleaned(line: bytes, source: str) -> bytes:
    """As `with_source`, of what is no clean JSON."""
    try:
        event = event_rules.read_bounded(line)
    except event_rules.Unfit:
        return line
    return _encode(event if event.get("source") is not None else {**event, "source": source})


def _of_headers(headers: Mapping[str, str], kind: str, body: bytes) -> bytes:
    """A CloudEvent in binary mode (CloudEvents HTTP binding 3.1)."""
    event: dict[str, Any] = {
        name[3:]: _header(value) for name, value in headers.items() if name.startswith("ce-")
    }
    if kind:
        event["datacontenttype"] = kind
    if not body:
        return _encode(event)
    if kind in ("application/json", "text/json") or kind.endswith("+json"):
        try:
            value = _on_one_line(bytes(_decode_any(body.removeprefix(_BOM))))
        except _NO_JSON:
            whole = _as_the_daemon_reads(body)
            if whole is None:
                raise Unreadable(words.NO_JSON_DATA) from None
            value = _encode(whole)
        return _encode(event)[:-1] + b',"data":' + value + b"}"
    if kind.startswith("text/"):
        return _encode({**event, "data": text(body)})
    return _encode({**event, "data_base64": b64encode(body).decode()})  # which the daemon refuses


def _header(value: str) -> str:
    # CloudEvents HTTP binding 3.1.3.2: percent-encoded, and perhaps in quotes.
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return unquote(value, errors="backslashreplace")


def text(data: bytes) -> str:
    """Text that somebody else wrote: in UTF-8, else in the Japanese encoding that it is."""
    try:
        if b"\x1b$" not in data:  # with which ISO-2022-JP begins
            return data.decode()
    except UnicodeDecodeError:
        pass
    from zaiond import decode

    return decode.text(data)


def line_of(event: Mapping[str, Any], source: str) -> bytes:
    """The line of an event that was made here."""
    whole = {"source": source, **event}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
