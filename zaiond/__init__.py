"""zaiond: takes events from local programs and mails them to the administrators."""

__version__ = "0.1.0"
