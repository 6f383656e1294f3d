"""Alertmanager's webhook as events: of each alert one. Pure.

An alert is a problem whose key is its fingerprint: Alertmanager's repeats are duplicates of the
first event, a text that has changed is one more report of the same problem, and what fires again
after its end opens the problem anew.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from zaiond.event_rules import MAX_ID_LENGTH, SEVERITY_OF_WORD, Unfit, decoded, moment

ALERT, TRUNCATED = "alertmanager.alert", "alertmanager.truncated"  # the types of the events
# What alerting rules call their severity, beside syslog's words.
_SEVERITIES = {
    **SEVERITY_OF_WORD,
    "page": "crit", "disaster": "emerg", "high": "err", "major": "err", "medium": "warning",
    "minor": "warning", "ticket": "warning", "low": "notice", "none": "info", "ok": "info",
}  # fmt: skip
_OF_NO_WORD = "warning"  # a rule that fires is worth a look, whatever its label
_TEXTS = ("message", "description")  # annotations that are the text, the first one that is there
_encode = msgspec.json.Encoder(order="sorted").encode


class Alert(msgspec.Struct, rename="camel"):
    """One of `alerts`; times are RFC 3339's.
    https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
    """

    status: Literal["firing", "resolved"]
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    generator_url: str | None = msgspec.field(name="generatorURL", default=None)
    fingerprint: str | None = None


class Webhook(msgspec.Struct, rename="camel"):
    """What is posted. `truncated_alerts`: how many more there are, by `max_alerts`."""

    alerts: list[Alert]
    group_key: str | None = None
    receiver: str | None = None
    truncated_alerts: int | None = None


_decode = msgspec.json.Decoder(Webhook).decode
_MOST_OBJECTS = 50_000  # of a body: an alert is three
_MOST_VALUES = 200_000  # of a body that takes more to read


def decode(body: bytes) -> Webhook:
    """What was posted. Raises ValueError: it is no webhook, or has more alerts than anybody."""
    if body.count(b"{") > _MOST_OBJECTS:
        raise ValueError
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if body.count(b",") > _MOST_VALUES:
        raise ValueError
    try:  # with text that is no Unicode, perhaps
        return msgspec.convert(decoded(body), Webhook)
    except (Unfit, msgspec.ValidationError) as error:
        raise ValueError from error


def events(webhook: Webhook) -> list[dict[str, Any]]:
    """The events of what was posted, in its order."""
    found = [event(alert) for alert in webhook.alerts]
    if webhook.truncated_alerts:
        found.append(_truncated(webhook))
    return found


def event(alert: Alert) -> dict[str, Any]:
    """The event of one alert."""
    labels, annotations = alert.labels or {}, dict(alert.annotations or {})
    starts_at, ends_at = alert.starts_at or "", alert.ends_at or ""
    key = alert.fingerprint or _digest(labels)
    fires = alert.status == "firing"
    name, summary = labels.get("alertname", ""), annotations.pop("summary", "")
    where = labels.get("instance", "")
    subject = summary or f"{name} {where}".strip()
    text = next((annotations.pop(each) for each in _TEXTS if annotations.get(each)), "")
    data = {
        "labels": labels,
        **({"annotations": annotations} if annotations else {}),
        **({"url": alert.generator_url} if alert.generator_url else {}),
    }
    told = {
        "type": ALERT,
        "severity": severity(labels),
        "key": key,
        "status": "problem" if fires else "ok",
        **({"subject": subject} if subject else {}),
        **({"message": text} if text else {}),
        "data": data,
    }
    # When it was resolved differs between two Alertmanagers that tell of the same end.
    id_ = f"{key}/{starts_at}/{alert.status}/{_digest(told)}"
    time = starts_at if fires else ends_at
    return {
        "id": id_ if len(id_) <= MAX_ID_LENGTH and id_.isprintable() else _digest(id_),
        **({"time": time} if moment(time) is not None else {}),
        **told,
    }


def severity(labels: Mapping[str, str]) -> str:
    """The severity that an alert's labels name."""
    return _SEVERITIES.get(labels.get("severity", "").strip().lower(), _OF_NO_WORD)


def _truncated(webhook: Webhook) -> dict[str, Any]:
    told = {
        "type": TRUNCATED,
        "severity": "warning",
        "data": {
            "truncated_alerts": webhook.truncated_alerts,
            "group_key": webhook.group_key or "",
            "receiver": webhook.receiver or "",
        },
    }
    of = sorted(
        (alert.fingerprint or "", alert.starts_at or "", alert.status) for alert in webhook.alerts
    )
    return {"id": f"truncated/{_digest([told, of])}", **told}


def _digest(of: Any) -> str:
    return blake2b(_encode(of), digest_size=8).hexdigest()
