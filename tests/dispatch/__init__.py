"""Tests of the dispatcher of jobs on other machines."""
