"""Benchmarks in CPU seconds of whole processes, such as ``python -m benchmarks.plan``; they are not tests."""
