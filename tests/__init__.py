"""All tests, mirroring the tree; `tests/cloud` is the AWS they run against."""
