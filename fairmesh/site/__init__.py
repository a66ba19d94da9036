"""Results become pages and charts: the website. ``build`` makes it; only ``folder`` is light to import."""
