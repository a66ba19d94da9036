"""Tests of other machines and their dispatcher."""
