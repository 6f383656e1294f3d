"""The daemon: what does I/O, put together in `app`."""
