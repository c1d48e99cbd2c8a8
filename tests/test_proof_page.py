"""docs/proof.md says what the committed result files say, and those say what was promised."""

from tests.proof_page import PAGE, page, read


def test_page_is_up_to_date():
    assert PAGE.read_text() == page(), "run python -m tests.proof_page"


def test_nothing_hung_and_all_is_proven():
    """As far as results are committed."""
    for proof in read("formal") or []:
        assert proof["verdict"] == "proven", proof
    for counts in (read("upsets") or {"table": {}})["table"].values():
        assert not counts.get("hang")
