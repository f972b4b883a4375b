"""Engines that run the network of minilm on batches of a fixed shape, for `benchmarks.kernels`."""
