"""One file, one model family: a tokenizer and the network from token ids to token vectors."""
