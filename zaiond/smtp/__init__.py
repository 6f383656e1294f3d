"""SMTP without I/O: replies, the session's state machine, AUTH, and what a failure means."""
