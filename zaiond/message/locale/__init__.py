"""The words of the mails, one module a language."""
