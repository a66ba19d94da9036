"""A real SGE of one host for tests."""
