"""storytui: a terminal editor for fiction, with a local model beside the manuscript."""

__version__ = "0.1.0"
