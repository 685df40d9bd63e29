"""Lambda in the local AWS: functions run from their zip under the real runtime interface client."""
