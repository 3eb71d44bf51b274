"""What belongs to connections: sessions, receipts, credit, the callers' calls, hosted agents."""
