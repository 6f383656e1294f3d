"""Events of the store become mails, and mails go out: routed, queued in memory, sent, recorded.

In come events that are on disk, and a configuration; out go mails to servers, and what came of each
attempt to the store. It reads no socket of programs, and answers nobody.
"""
