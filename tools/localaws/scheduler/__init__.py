"""EventBridge Scheduler in the local AWS."""
