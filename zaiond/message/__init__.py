"""Mails: from an event to the bytes that go over the wire.

In: an `Event`, who gets the mail, and this machine's names. Out: a `Message` (`compose`,
`test_mail`); and what addresses and character sets may be, for the configuration. Never: whether a
mail is due, or for whom. Pure: the clock is an argument.
"""
