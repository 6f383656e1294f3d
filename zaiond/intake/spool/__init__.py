"""Events left in the spool while the daemon was down: taken in, committed, then unlinked (interface
4). Anybody may put anything there: only regular files of their owner's own are read, and what can't
be taken is moved aside.

A line that can't be taken costs itself alone: the other lines of its file are taken, and the whole
file is kept aside. What can't be read now, or has no room now, waits for the next sweep; a file
with more events than its user has room for is taken part by part.

Nobody holds up the loop or another user: `walk` goes through the directory in chunks, in a thread,
and remembers a bounded number of files; a sweep of `spool` takes them in turns over their users,
some lines of each `file` at a time, ends after a bounded number of them, and is followed by a rest
if it took long. `directory` alone touches the files. `admin` is what `zaiond-ctl status` and
`zaiond-ctl spool` ask for.
"""
