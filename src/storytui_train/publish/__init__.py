"""Adapters, models and data sets to the Hub, with their cards, and Modelfiles for Ollama."""
