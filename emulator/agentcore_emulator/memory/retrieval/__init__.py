"""RetrieveMemoryRecords: finding records by what they say."""
