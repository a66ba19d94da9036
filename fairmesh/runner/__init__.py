"""The part that runs in a job: it claims the experiment, starts and monitors its program, and commits the result.

Standard library of Python 3.6 and ``schedulers`` only, since both are copied to machines as ``runner.pyz``.
"""
