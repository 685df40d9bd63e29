"""What an operator runs: the commands behind `make`, the prover and the local AWS."""
