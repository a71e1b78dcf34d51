"""The bytes of a file from any place on through Hugging Face's Xet.

Only for the process that talks to the Hub. The library fetches whole files by Xet and begins anew
after every break; hf_xet's streams begin anywhere.
"""

from collections.abc import Iterator

from storytui.models.hub.far_file import BrokenOffError, FarFile


class XetFailedError(Exception):
    """Xet does not work here; plain HTTP may."""


def xet_pieces(file: FarFile, begin: int) -> Iterator[bytes]:
    """The bytes from `begin` on, as they come.

    Raises:
        BrokenOffError: they ended early.
        XetFailedError: nothing came, or the stream failed.
    """
    assert file.xet is not None
    at = begin
    try:
        from hf_xet import XetFileInfo, XetSession

        group = XetSession().new_download_stream_group(
            token_refresh_url=file.xet.refresh_route,
            token_refresh_headers=file.hub_headers,
            custom_headers=file.headers,
        )
        stream = group.download_stream(XetFileInfo(file.xet.file_hash, file.size), start=begin)
        for piece in stream:
            at += len(piece)
            yield piece
    # Its errors have no family of their own.
    except (ImportError, OSError, RuntimeError, ValueError, TypeError) as error:
        raise XetFailedError from error
    if at == begin:
        # A stream that fails before its first byte may end without a word.
        raise XetFailedError
    if at < file.size:
        raise BrokenOffError
