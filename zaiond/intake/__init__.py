"""Events in, from the socket and the spool, to the store; each is answered after its commit.

In come bytes of programs and files of the spool; out go rows of the store, and replies. It makes no
mail, and knows no mail server. Its front door is `intake.Intake`; `listener` serves the control
socket, too.
"""
