"""The self-test: proves that mail really arrives, and names the cause where it does not.

In: a configuration and addresses (`run.self_test`); a failure (`advice.hint`, `advice.advise`).
Out: the document of `zaiond-ctl test --json`, the lines that a person reads (`render`); cause and
remedy of a failure in both languages. Never: the queue; a mail that is not the test mail; a second
reading of a reply: the advice is keyed by the diagnosis that the verdict has, too.
"""
