"""The script that Streamlit runs for every look of a person at the monitor."""

from fairmesh.monitor import frame

if __name__ == "__main__":
    frame.show()
