"""What `make bench` measures, one section a module, and where it measures it."""

from commands.toolchain import ROOT

RESULTS = ROOT / "build" / "bench"
