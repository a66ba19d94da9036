"""Results become pages and charts: the website."""

from fairmesh.site.build import build_site

__all__ = ["build_site"]
