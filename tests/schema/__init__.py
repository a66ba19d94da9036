"""Tests of `fairmesh.schema`."""
