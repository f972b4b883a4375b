"""What textgraft claims of speed and accuracy, measured."""
