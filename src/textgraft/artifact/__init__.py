"""What training leaves: a folder of plain data, hashed."""
