"""What goes wrong at the fleet's engine, as nats-py and the system say it, in our words. No I/O."""

import os
import socket
import ssl
from typing import Literal, NamedTuple

import nats.errors
import nats.js.errors

from zaiond.errors import ZaiondError
from zaiond.fleet import words
from zaiond.text import Text, reason

_CLOSED = nats.errors.ConnectionClosedError, nats.errors.ConnectionDrainingError
_NO_JETSTREAM = (10039, 10076)  # error codes: the account has none; the server has none
_NO_PEERS = 10005  # no suitable peers for placement: so it is, too, when nodes have just started
_NO_CLUSTER = 10074
_NOT_NOW = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED

Kind = Literal[
    "unreachable", "tls", "login", "too_old", "lost", "silent", "right", "no_jetstream",
    "no_stream", "full", "no_peers", "no_cluster", "refused",
]  # fmt: skip


class FleetError(ZaiondError):
    """The engine can't be reached, or did not do what was asked. `kind` says what it is to us."""

    def __init__(self, kind: Kind, text: Text) -> None:
        super().__init__(text)
        self.kind: Kind = kind


class Facts(NamedTuple):
    """What is known of the connection on which something went wrong. `denied`: what the server has
    just refused for lack of a right, in its own words."""

    server: str
    max_payload: int
    has_jetstream: bool
    denied: str | None


def understood(error: Exception, facts: Facts) -> FleetError:
    """What an exception of nats-py is to us, of what was asked on a connection."""
    server = facts.server
    if isinstance(error, _CLOSED):
        return FleetError("lost", words.lost(server=server))
    if isinstance(error, nats.js.errors.NoStreamResponseError):
        return FleetError("no_stream", words.no_stream(server=server))
    if isinstance(error, nats.errors.NoRespondersError):
        return FleetError("no_jetstream", words.no_jetstream(server=server))
    if isinstance(error, nats.errors.MaxPayloadError):
        limit = f"{facts.max_payload:,}"
        return FleetError("refused", words.too_large(server=server, limit=limit))
    if isinstance(error, nats.js.errors.APIError):
        return _of_jetstream(error, server)
    if isinstance(error, TimeoutError | nats.errors.TimeoutError):
        if facts.denied:
            return FleetError("right", words.no_right(server=server, right=facts.denied))
        if not facts.has_jetstream:
            return FleetError("no_jetstream", words.no_jetstream(server=server))
        return FleetError("silent", words.silent(server=server))
    return FleetError("refused", words.refused(server=server, why=error))


def _of_jetstream(error: nats.js.errors.APIError, server: str) -> FleetError:
    code, why = error.err_code or 0, error.description or str(error)
    if code in _NO_JETSTREAM:
        return FleetError("no_jetstream", words.no_jetstream(server=server))
    if isinstance(error, nats.js.errors.NotFoundError):
        return FleetError("no_stream", words.no_stream(server=server))
    # What waits is as much as may: of the account, a node, the disk, the stream.
    if code in (10002, 10023, 10047, 10077) or "maximum" in why:
        return FleetError("full", words.full(server=server, why=why))
    if code in (_NO_PEERS, _NO_CLUSTER):
        kind: Kind = "no_peers" if code == _NO_PEERS else "no_cluster"
        return FleetError(kind, words.too_few(server=server, why=why))
    if code == 10008 or "no suitable peers" in why or error.code == 503:
        return FleetError("silent", words.not_ready(server=server, why=why))
    return FleetError("refused", words.refused(server=server, why=why))


def unconnected(server: str, error: Exception) -> FleetError:
    """Why a server could not be connected to."""
    if isinstance(error, ssl.SSLCertVerificationError):
        says = words.not_valid_now if error.verify_code in _NOT_NOW else words.not_verified
        return FleetError("tls", says(server=server, why=error.verify_message))
    if isinstance(error, ssl.SSLError):
        return FleetError("tls", words.no_tls(server=server, why=error.reason or error))
    said = str(error).lower()
    is_refused = isinstance(error, nats.errors.AuthorizationError) or "authorization" in said
    if is_refused or said.startswith("nkeys: "):  # the seed is damaged: no server was asked
        return FleetError("login", words.no_login(server=server))
    if isinstance(error, TimeoutError | nats.errors.TimeoutError):
        return FleetError("unreachable", words.connect_silent(server=server))
    if isinstance(error, socket.gaierror):
        return FleetError("unreachable", words.no_name(server=server, why=error.strerror or error))
    if isinstance(error, OSError):
        if error.errno and error.errno > 0:  # asyncio has words of its own for what the system says
            error = OSError(error.errno, os.strerror(error.errno))
        return FleetError("unreachable", words.unreachable(server=server, why=reason(error)))
    return FleetError("unreachable", words.no_nats(server=server, why=error))
