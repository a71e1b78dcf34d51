"""What is remembered of the servers that she agreed to."""

from pathlib import Path

import pytest

from storytui.consent import agree, agreed, hosts, take_back


def test_a_consent_is_for_one_host_and_kept(tmp_path: Path) -> None:
    agree(tmp_path, "OpenRouter.ai.")

    assert agreed(tmp_path, "openrouter.ai")
    assert not agreed(tmp_path, "evil.openrouter.ai")
    assert not agreed(tmp_path, "openrouter.ai.example.com")
    assert hosts(tmp_path) == ["openrouter.ai"]


def test_a_consent_can_be_taken_back(tmp_path: Path) -> None:
    agree(tmp_path, "a.example")
    agree(tmp_path, "b.example")

    assert take_back(tmp_path, "A.example")
    assert not take_back(tmp_path, "a.example")
    assert hosts(tmp_path) == ["b.example"]


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", '{"hosts": 3}', '{"hosts": "a.example"}', '{"hosts": [["a"]]}']
)
def test_a_file_that_is_broken_knows_of_no_consent_and_is_replaced(
    text: str, tmp_path: Path
) -> None:
    agree(tmp_path, "a.example")
    (file,) = tmp_path.iterdir()
    file.write_text(text)

    assert not agreed(tmp_path, "a.example")
    agree(tmp_path, "b.example")
    assert hosts(tmp_path) == ["b.example"]


def test_what_cannot_be_kept_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "servers-agreed-to.json" / "x").mkdir(parents=True)

    with pytest.raises(OSError, match="servers-agreed-to"):
        agree(tmp_path, "a.example")
    assert [each.name for each in tmp_path.iterdir()] == ["servers-agreed-to.json"]
