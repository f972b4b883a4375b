"""Text for terminals: control characters are escaped and long values shortened, whatever they come from."""
