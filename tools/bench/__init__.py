"""The sections of `make bench`, and what they measure with."""

from tools.paths import ROOT

RESULTS = ROOT / "build" / "bench"
