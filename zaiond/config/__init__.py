"""The configuration: declared in `schema`, read by `load`, watched by `watch`.

Nothing is imported here, so that `zaiond.config.schema` alone stays cheap to import.
"""
