"""The configuration: YAML files in, a valid `Config` out, or every error with its place.

Each setting is declared once, in `schema` and the modules of its mappings, by its kind (`kinds`).
The parser, `config show`, the manual, the example and `setup` follow from that.

Others import `schema` and `forms.fill_names` (the types, and what fills them), `load` (from disk,
and from the texts of the last good one), `access` (could the daemon read a file?), `edit` (a value
changed in a text), `watch` (has a file changed?) and `language` (which one a broken configuration
asks for). Never: a part of the daemon, a socket; and a file only where one of these is asked.

Nothing is imported here: `zaiond-ctl emit` needs `language` alone.
"""
