"""What comes after a prompt: the ways to choose tokens, and from tokens to text."""
