"""Where trains lie: buffers by live range, for whatever layers read which."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.io.errors import BadInput
from hw.plan.buffers import WORD, Buffer, Node, allocate, banks_of, regions
from hw.plan.planner import Plan
from verify.networks import deep, draw


@st.composite
def graphs(draw):
    """Nodes each of which reads nodes of one memory, so that all can be placed."""
    nodes, banks = [Node((), WORD * draw(st.integers(1, 6)))], [0]
    for _ in range(draw(st.integers(1, 12))):
        bank = draw(st.sampled_from(sorted({1 - each for each in banks})))
        others = [n for n, each in enumerate(banks) if each != bank]
        reads = draw(st.lists(st.sampled_from(others), min_size=1, max_size=4, unique=True))
        nodes.append(Node(tuple(reads), WORD * draw(st.integers(0, 6))))
        banks.append(bank)
    return nodes


def readers(nodes, number):
    """The nodes that read the trains of a node."""
    return [n for n, node in enumerate(nodes) if number in node.inputs]


def clashes(nodes, buffers):
    """Pairs of buffers that share trains while both are needed, pass by pass."""
    found = set()
    for now in range(len(nodes)):
        needed = [n for n in range(now + 1) if n == now or max(readers(nodes, n), default=n) >= now]
        places = [(n, buffers[n].bank, train) for n in needed
                  for train in range(buffers[n].at, buffers[n].at + nodes[n].size)]
        owner = {}
        for n, *place in places:
            other = owner.setdefault(tuple(place), n)
            if other != n:
                found.add((other, n))
    return found


@given(graphs())
def test_no_two_live_buffers_overlap(nodes):
    buffers = allocate(nodes)
    assert not clashes(nodes, buffers)
    for node, buffer in zip(nodes, buffers, strict=True):
        assert buffer.at % WORD == 0 and buffer.size == node.size
        # A memory of one port is read or written in a pass.
        assert all(buffers[each].bank != buffer.bank for each in node.inputs)
    for bank, size in enumerate(regions(buffers)):
        ends = [each.at + each.size for each in buffers if each.bank == bank]
        assert size == max(ends, default=0)


@given(graphs(), st.data())
def test_a_wrong_place_is_seen(nodes, data):
    """Two buffers of a bank that are needed at once, laid over each other."""
    buffers = list(allocate(nodes))
    pairs = [(a, b) for b in range(len(nodes)) for a in range(b)
             if buffers[a].bank == buffers[b].bank and buffers[a].last >= b
             and nodes[a].size and nodes[b].size]
    if pairs:
        a, b = data.draw(st.sampled_from(pairs))
        buffers[b] = Buffer(buffers[b].bank, buffers[a].at, buffers[b].size, buffers[b].last)
        assert (a, b) in clashes(nodes, buffers)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8).flatmap(
    lambda picks: st.tuples(*(st.sets(st.integers(0, n), min_size=1, max_size=3)
                              for n, _ in enumerate(picks)))))
def test_refused_only_where_no_choice_of_memories_is_right(reads):
    inputs = [(), *(tuple(sorted(each)) for each in reads)]
    right = any(all(banks[n] != banks[each] for n, node in enumerate(inputs) for each in node)
                for banks in product((0, 1), repeat=len(inputs)))
    if right:
        assert all(banks_of(inputs)[n] != banks_of(inputs)[each]
                   for n, node in enumerate(inputs) for each in node)
    else:
        with pytest.raises(BadInput, match="^net: pass . reads the trains of .*both memories"):
            banks_of(inputs, "net")


def test_by_hand():
    """Pass 3 also reads the input: pass 2 lies behind it; then the input's place is free."""
    nodes = [Node((), 32), Node((0,), 16), Node((1,), 48), Node((0, 2), 16), Node((3,), 32)]
    assert allocate(nodes) == (
        Buffer(0, 0, 32, 3), Buffer(1, 0, 16, 2), Buffer(0, 32, 48, 3), Buffer(1, 0, 16, 4),
        Buffer(0, 0, 32, 4))
    assert regions(allocate(nodes)) == (80, 16)
    with pytest.raises(BadInput, match="^net: pass 2 reads the trains of the input and pass 1, "
                                       "which lie in both memories"):
        allocate([Node((), 16), Node((0,), 16), Node((0, 1), 16)], "net")


@pytest.mark.parametrize("network", [deep(9, 7), *(draw(seed, rich=True) for seed in range(6))],
                         ids=lambda network: network.name)
def test_a_chain_takes_the_memories_in_turn_from_0_on(network):
    plan = Plan(network)
    assert [each.inputs for each in network.stages] == [(n,) for n in range(len(network.stages))]
    assert [each.source for each in plan.passes] == [n % 2 for n in range(len(plan.passes))]
    assert all(each.at == 0 and each.last == min(n + 1, len(plan.passes))
               for n, each in enumerate(plan.buffers))
    assert [each.bank for each in plan.buffers] == [n % 2 for n in range(len(plan.buffers))]
    sizes = [each.size for each in plan.buffers]
    assert plan.regions == (max(sizes[::2]), max(sizes[1::2]))
