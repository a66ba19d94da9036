"""The part that runs inside a job: it claims the experiment, starts its program, watches it and commits the result.

Standard library alone, for Python 3.6 and newer, and nothing else of the house: it travels as ``runner.pyz``.
"""
