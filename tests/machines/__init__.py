"""Tests of the kinds of machines, and of what reaches them."""
