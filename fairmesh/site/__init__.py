"""The website: results become pages and charts, which MkDocs builds.

It may import everything below the faces and the workflow, except `fairmesh.api`, `fairmesh.fair` and the monitor.
Begin with `build.build_site`; a page is an entry of `pages.SITE_PAGES` or `study_page.STUDY_PAGES` and a template.
"""
