"""What the REST service and the monitor share as HTTP servers: access, connections, response headers.

Imports: errors, files, proxies, user. ``access`` needs no web framework.
Begin with ``access.check_address`` and ``connections.BoundedProtocol``.
"""
