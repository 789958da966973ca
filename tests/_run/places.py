"""Places that every part of the runner knows."""

import pathlib

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = TOP / "build"
LOGS = BUILD / "test-logs"
