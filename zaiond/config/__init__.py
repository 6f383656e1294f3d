"""The configuration: declared in `schema`, read by `load`, watched by `watch`, changed by
`edit`.

Nothing is imported here, so that `zaiond.config.schema` alone stays cheap to import.
"""
