"""``python -m fairmesh.cli`` is the command ``fairmesh``."""

import sys

from fairmesh.cli import main

sys.exit(main())
