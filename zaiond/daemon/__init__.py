"""The running daemon: `main` is the program, and the front door of this room.

In come its options, signals, changes of the configuration (`reload`) and what zaiond-ctl asks
(`control`, `commands`). Out go an exit status, answers, notices and lines of the journal
(`reports`), and what systemd is told. `app` builds, starts and stops the parts of all rooms, and
nobody imports it but `main`. This room takes no event, sends no mail, and decides over neither.
"""
