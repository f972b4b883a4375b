"""textgraft against what people would pick instead: who, on what, and what came of it."""
