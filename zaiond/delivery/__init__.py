"""Events of the store become mails, and mails go out: routed, queued in memory, sent, recorded.

The front door is `outbound.Outbound`; who is told of what becomes of mails is an
`ledger.Observer`. In come events that are on disk, and a configuration; out go mails to servers,
and what came of each attempt to the store. It never reads a socket of programs, answers anybody, or
says what a reply means (`smtp.verdict` does).
"""
