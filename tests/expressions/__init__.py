"""Tests of `fairmesh.expressions`."""
