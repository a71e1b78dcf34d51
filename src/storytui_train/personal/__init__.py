"""Her books become a model of her own, by one command: `storytui-train personal`."""
