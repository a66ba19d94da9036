"""What runs on a machine that is reached over ssh: it stores, starts, watches and returns experiments there.

Standard library of Python 3.6 only: it travels in ``runner.pyz`` with the runner and the schedulers.
"""
