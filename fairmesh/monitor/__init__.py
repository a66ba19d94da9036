"""The monitor: Streamlit pages that show runs while they go on, and steer them; ``fairmesh monitor`` opens it.

It may import everything except the other faces, `fairmesh.cli` and `fairmesh.service`.
Begin with `main.PAGES`: each page is a module with a function ``show``.
"""
