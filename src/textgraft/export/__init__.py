"""Export of models to formats that other programs run, each compared with its model before it is written."""
