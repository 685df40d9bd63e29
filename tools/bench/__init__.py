"""What `make bench` measures, one section a module, and where it measures it."""

from tools.paths import ROOT

RESULTS = ROOT / "build" / "bench"
