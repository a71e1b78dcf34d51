"""storytui_train: training data and new models for the storytui editor."""
