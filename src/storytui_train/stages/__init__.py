"""The stages behind the data set: train, export, evaluate, add; and all stages in a row."""
