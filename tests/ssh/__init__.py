"""Tests of machines that are reached over ssh, with real servers on loopback."""
