"""Speed and scale, measured as CPU seconds of whole processes: ``python -m benchmarks.plan``. Never a test."""
