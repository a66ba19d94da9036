"""Tests of what carries out requests on a machine."""
