"""``python -m fairmesh.reference``: write the schemas and the reference pages anew, below the working folder."""

from pathlib import Path

from fairmesh.files import write_if_changed
from fairmesh.reference import FILES, build_page, editor_schema
from fairmesh.reference.pages import ARCHITECTURE, PAGES, architecture
from fairmesh.reference.schemas import SCHEMAS, json_text


def main() -> None:
    """Write what has changed, and say so."""
    texts = {SCHEMAS / f"{name}.schema.json": json_text(editor_schema(name)) for name in FILES}
    texts |= {PAGES / f"{name}.md": build_page(name) for name in FILES}
    texts[ARCHITECTURE] = architecture()
    for path, text in texts.items():
        if write_if_changed(Path.cwd() / path, text):
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
