"""Tests of submissions to MLCommons."""
