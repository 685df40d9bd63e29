"""What an operator runs, the prover and the local AWS."""

import sys
from pathlib import Path

# The commands share operations_guard with the function that runs it, so it is found beside this package.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lambda"))
