"""Scores: the held-out scenes, the baselines, and the tables and figures of an experiment.

May import `data`, `figures` and the top-level modules, never `model`: TensorFlow is not needed. Begin with `results`.
"""
