"""One file, one kind of tokenizer: the files it is made of, and the graph it becomes."""
