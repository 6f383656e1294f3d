"""The page in a browser, and the HTTP doors (interface 9, 10): an extra, a process of its own.

It asks the daemon by the control socket and puts events into the event socket, as any other program
of its user could. `main` is the process, `app` what it serves, `guard` and `sessions` who may;
`asking` talks to the daemon, `render` makes HTML of templates. Each page is a module of `pages`:
it asks, makes a view of the answer (pure), and gives that to its template.
"""
