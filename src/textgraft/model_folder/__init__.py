"""The model folder: its files, their schema, reading, writing, and the model card."""
