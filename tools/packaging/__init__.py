"""The steps by which `make package` makes a zip from the locked packages, one module each."""
