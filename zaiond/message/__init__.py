"""Mails: from an event to the bytes that go over the wire. Pure: the clock is an argument."""
