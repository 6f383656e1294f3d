"""OAuth 2.0 access tokens for SMTP and POP logins.

In: a login's settings. Out: a token from `Tokens`, or `NoToken` with the reason. `watch` says when
a refresh token is about to end. Never: a mail, the queue, a log line with a token in it.
"""
