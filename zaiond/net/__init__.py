"""Names, TCP, TLS, and the pump between a socket and the SMTP machine. It decides nothing."""
