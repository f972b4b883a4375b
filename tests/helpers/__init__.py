"""What test modules share beside fixtures."""
