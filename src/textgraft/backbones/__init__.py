"""Pretrained networks and their tokenizers: model families, formats of weights, and sources of presets."""
