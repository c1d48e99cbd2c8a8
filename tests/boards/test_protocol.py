"""The page that documents the protocol."""

from pathlib import Path

from boards.protocol.tables import tables


def test_page_has_the_tables():
    """Run ``python -m boards.protocol`` and paste, if this fails."""
    page = Path(__file__).parents[2] / "docs" / "protocol.md"
    assert page.read_text().endswith(tables() + "\n")
