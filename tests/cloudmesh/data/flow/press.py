"""Press what was picked."""

import os
from pathlib import Path

if __name__ == "__main__":
    apples = int(Path(os.environ["FAIRMESH_STAGE_PICK_APPLES"], "apples.txt").read_text())
    Path("juice.txt").write_text(f"{apples // 4} litres\n")
