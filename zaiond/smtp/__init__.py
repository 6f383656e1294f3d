"""SMTP without I/O: what is said to a mail server, and what its answers mean.

In: bytes of a server, mails, credentials, settings of a session. Out: bytes to be written, events
(`session.Session`), and for each failure a verdict (`verdict.judge`): wait or hold, for what, and
whether the next server is asked. Never: a socket, a clock, randomness; an end of a mail. Time and
random bytes come in as arguments; what is not understood is kept.
"""
