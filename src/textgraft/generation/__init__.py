"""Text generation: search strategies over a language model, sampling, and incremental decoding of tokens to text."""
