"""Names, TCP, TLS, the pump between a socket and a machine; logins by POP, tokens. It decides
nothing.
"""
