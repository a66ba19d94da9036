"""Tests of what runs right now, and of steering it."""
