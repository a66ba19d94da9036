"""Reference of the files that people write, made from their models: JSON Schemas for editors, pages for readers.

``python -m fairmesh.reference`` writes both anew; a test fails when one is stale.
"""

from fairmesh.reference.pages import build_page
from fairmesh.reference.schemas import FILES, editor_schema

__all__ = ["FILES", "build_page", "editor_schema"]
