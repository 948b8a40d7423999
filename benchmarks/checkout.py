"""Makes this checkout importable, so that nothing need be installed to run a benchmark."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
