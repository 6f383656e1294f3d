"""The self-test: proves that mail really arrives, and names the cause where it does not.

In: a configuration and addresses (`run.self_test`). Out: the document of `zaiond-ctl test --json`,
and the lines that a person reads (`render`). Never: the queue; a mail that is not the test mail.
"""
