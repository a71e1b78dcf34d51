"""PURE. From a text as it was found to one that is ready to be cut."""

from storytui_train.data.clean.cleaning import clean

__all__ = ["clean"]
