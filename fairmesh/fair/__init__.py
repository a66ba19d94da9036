"""Results become metadata that others' tools read: RO-Crate, Data Package, Croissant, DataCite, CITATION.cff."""
