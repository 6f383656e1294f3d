"""zaiond-ctl: everything that is not the daemon, one module a command group.

`emit` starts fast: what it does not need is not imported. So modules here import at their top only
what is cheap, and sentences in declarations are plain pairs `ja=`, `en=` instead of Text, which
needs typing.
"""
