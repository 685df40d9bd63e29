"""What `make acceptance` observes on AWS, how each observation compares with what AWS documents, and the evidence."""
