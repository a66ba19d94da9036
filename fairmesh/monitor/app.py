"""The monitor as an application: ``streamlit run fairmesh/monitor/app.py``, or ``fairmesh monitor``."""

from __future__ import annotations

from pathlib import Path

import streamlit
from starlette.middleware import Middleware
from uvicorn.config import HTTP_PROTOCOLS

from fairmesh.monitor.shield import Shield

# Streamlit makes the server's configuration itself, which this is the only way into.
HTTP_PROTOCOLS["auto"] = "fairmesh.web.connections:BoundedProtocol"
app = streamlit.App(Path(__file__).with_name("main.py"), middleware=[Middleware(Shield)])
