"""Mutation testing of guardrails/: change the code in one place, and a test must fail.

python -m tests.mutation [guardrails/ticks.py ...]      see __main__.py, or `make mutate`

operators.py   what is changed beyond cosmic-ray's own operators: sides, roundings, checks, limits
mutants.py     every change of one module, each a different program
baseline.py    one run of the tests on the code as it is: which test reaches which line, how fast
serving.py     one run of the tests in a forked process, on a module that is not the one on disk
forking.py     several such processes at a time, each with a deadline
listing.py     equivalent.toml: what no test can kill, and why
memory.py      what was found out before and still holds
report.py      progress, survivors as diffs, the score

It does not cover what is not Python: config.yaml has tests of its own.
"""
