"""Tests of how jobs run."""
