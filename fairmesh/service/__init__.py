"""The REST service of ``fairmesh serve``: the functions of the Python interface over HTTP.

Imports: api, workflow, results, status, web. Begin with ``app.create_app``; a module for each group of operations.
"""
