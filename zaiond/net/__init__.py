"""Connections to mail servers: names, TCP, TLS, logins, and the pump between a socket and a machine
of `smtp` or `pop3`.

In: a mail server's settings and a `ConnectionContext`. Out: an `SmtpConnection`, by which mails go
out one after the other, or a `DeliveryFailure`. Never: what a failure means for a mail, or when to
try again.
"""
