"""An empty Textual app: the least that a start can cost. Runs in a process of its own."""

from textual.app import App

if __name__ == "__main__":
    App[None]().run()
