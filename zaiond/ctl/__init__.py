"""zaiond-ctl: all that a person or a script does with zaiond, beside the daemon.

In: a command line (`main.run`). Out: lines for a person or one JSON document, and an exit status of
interface 5. Never: the queue on disk, or a part of the daemon: it is asked at its control socket.

A command is a module: it declares itself (`COMMANDS`), which is its parser and its help, and runs.
`emit` is run often, so the modules on its way import at their top only what is cheap; declarations
have plain pairs of sentences, as Text needs typing; sentences are imported when one is said.
"""
