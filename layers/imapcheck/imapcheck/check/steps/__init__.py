"""One function per step, filed by the protocol's states: connection, login, reading, filing (RFC 9051 section 3).

A step reads what is asked, does its work within `tracer.step`, and leaves what it learnt in `Attempt.learnt`.
A `CheckFailure` ends the step; whether it ends the session is the failure's own matter. The order is `check.plan`'s.
"""
