"""Metadata of results: RO-Crate, Data Package, Croissant, DataCite, CITATION.cff, and the FAIR scorecard.

It may import ``results`` and what is below. Begin with ``documents.describe``, which writes the documents of a study,
and ``scorecard.score``, which checks them.
"""
