"""Tests of the interface to schedulers, and of each scheduler."""
