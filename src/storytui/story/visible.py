"""Make control characters visible, so that no text can speak to the terminal."""


def visible(text: str, *, newlines: bool = True) -> str:
    """`text` with every control character replaced by something that shows it.

    Args:
        text: anything: a manuscript, a reply, a file's name, an error.
        newlines: leave line breaks and tabs as they are; False makes them visible too, for
            places that have one line.
    """
    raise NotImplementedError
