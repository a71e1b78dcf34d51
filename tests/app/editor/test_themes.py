"""The themes can be read."""

import pytest
from textual.color import Color

from storytui.app.themes import THEMES, fallback_variables


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_text_stands_out_from_every_ground(theme):
    for ground in (theme.background, theme.surface, theme.panel):
        assert contrast(theme.foreground, ground) >= 7
        for name in ("accent", "warning", "error"):
            assert contrast(getattr(theme, name), ground) >= 4.5, (name, ground)
        assert contrast(theme.variables["dim"], ground) >= 4
    assert contrast(theme.foreground, theme.variables["input-selection-background"]) >= 4.5
    assert contrast(theme.foreground, theme.variables["match-background"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_themes_of_others_get_all_the_variables_that_ours_have(theme):
    assert set(fallback_variables(theme)) == {"dim", "rule", "heading", "match-background"}
    assert set(fallback_variables(theme)) <= set(theme.variables)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.1."""

    def luminance(color: str) -> float:
        parts = [
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
            for part in Color.parse(color).normalized
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
