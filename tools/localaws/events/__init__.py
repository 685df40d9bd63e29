"""EventBridge in the local AWS."""
