"""What `make package` does to the locked packages, one step a module, in this order."""
