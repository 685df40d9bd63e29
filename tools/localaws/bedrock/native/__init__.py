"""The models' own formats, in which InvokeModel and InvokeModelWithResponseStream take requests and give answers."""
