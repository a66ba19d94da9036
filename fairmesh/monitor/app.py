"""The monitor as an application: ``streamlit run fairmesh/monitor/app.py``, or ``fairmesh monitor``."""

from __future__ import annotations

from pathlib import Path

import streamlit
from starlette.middleware import Middleware

from fairmesh.monitor.shield import Shield

app = streamlit.App(Path(__file__).with_name("main.py"), middleware=[Middleware(Shield)])
