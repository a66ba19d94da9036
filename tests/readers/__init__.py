"""Readers of results whose files are not what they should be."""
