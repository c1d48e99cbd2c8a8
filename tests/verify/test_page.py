"""docs/proof.md says what the committed result files say, and those say what was promised."""

import pytest

from verify.formal import PROOFS
from verify.formal.reach import WALKS
from verify.page import PAGE, page, read


def test_page_is_up_to_date():
    assert PAGE.read_text() == page(), "run python -m tests.proof_page"


def fulfilled(name, log):
    """Whether a log says what docs/proof.md promises of it; a log that is missing says nothing."""
    holds = {
        "formal": lambda: len(log["proofs"]) == len(PROOFS) and all(
            proof["verdict"] == "proven" for proof in log["proofs"]),
        "reach": lambda: set(log["walks"]) == set(WALKS) and all(
            walk["states"] > 0 and walk["longest"] > 0 for walk in log["walks"].values()),
        "gates": lambda: log["images"] > 0 and {"logits", "scores", "counts"} < set(log["equal"]),
        "mutation": lambda: log["parts"]["all"][1] > 0 and len(log["mutants"]) > 0,
        "soak": lambda: log["images"] == 10_000,
        "soak_mixed": lambda: log["images"] == 1_000 and log["mixed"],
        "soak_lanes": lambda: log["images"] == 1_000 and log["mixed"] and log["lanes"] == 2,
        "fuzz": lambda: log["count"] == 20_000 and not any(log["faults"].values()),
        "kill": lambda: log["kills"] == 100 and log["wrong"] == 0,
        "upsets": lambda: len(log["table"]) > 0 and not any(
            counts.get("hang") for counts in log["table"].values()),
        "coverage": lambda: len(log["shares"]) > 0,
        "contributions": lambda: log["networks"]["fashion"]["images"] == 1_000 and all(
            each["images"] == each["adds_up"] and each["rtl_images"] == each["rtl_adds_up"]
            == each["rtl_equal"] > 0 for each in log["networks"].values()),
        "drawn": lambda: len(log["networks"]) == log["equal"] > 0 and all(
            each["wrong"] == [] for each in log["networks"]),
    }[name]
    return log is not None and bool(log) and holds()


LOGS = ("formal", "reach", "gates", "mutation", "soak", "soak_mixed", "upsets", "coverage",
        "contributions")


@pytest.mark.parametrize("name", LOGS)
def test_log_says_what_is_promised(name):
    assert fulfilled(name, read(name)), f"docs/proof/{name}.json"


def test_drawn_networks_are_equal():
    """As soon as there is a log of them; the page says until then that there is none."""
    log = read("drawn")
    assert fulfilled("drawn", log) if log is not None else "- the drawn networks: no result yet" \
        in PAGE.read_text()


@pytest.mark.parametrize("name", [*LOGS, "drawn"])
def test_a_log_that_is_missing_or_empty_promises_nothing(name):
    assert not fulfilled(name, None) and not fulfilled(name, {})


def test_one_proof_that_fails_is_seen():
    log = read("formal")
    assert not fulfilled("formal", {"proofs": log["proofs"][1:]})
    assert not fulfilled("formal", {"proofs": [{**log["proofs"][0], "verdict": "failed"},
                                               *log["proofs"][1:]]})
