"""Estimates of what experiments will use, from the results of earlier ones: with intervals, and tested against results.

Begin with ``estimator.Estimator``. Only ``regression`` and what imports it need numpy.
"""
