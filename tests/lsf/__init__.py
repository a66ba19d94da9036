"""Stand-ins for the programs of LSF, for tests."""
