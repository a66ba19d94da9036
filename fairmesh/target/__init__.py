"""Carry out requests on a machine: store files, start and watch jobs, and send results back.

Standard library of Python 3.6 only: it travels to machines with the runner, as ``runner.pyz``.
Begin with ``serving``; each verb of a request is the module of its name, with a function ``answer``.
"""
