"""Lambda: functions run from their zip under the real runtime interface client."""
