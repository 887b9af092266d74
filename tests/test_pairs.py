from pathlib import Path

from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pairs import Pairs, pack, prepared, unpack

PAIRS = [
    Pair("b c", Path("ir/b c.png"), Path("/vi/b c.png"), output="x/b.tif"),
    Pair("b/ä\udcff", Path("../ir/\n.png"), Path("vi") / "b" / "ä\udcff.png"),
    Pair("b", Path("ir/b.png"), Path("vi/b.png")),
]


def test_pairs_come_back_from_their_texts_and_texts_have_the_order_of_the_names():
    assert Pairs.of(PAIRS) == PAIRS
    assert [pair.output for pair in Pairs.of(PAIRS)] == ["x/b.tif", "", ""]
    assert Pairs(sorted(map(pack, PAIRS))) == sorted(PAIRS)
    pairs = Pairs.of(PAIRS)
    assert Pairs.of(pairs) is pairs


def test_each_pair_gets_its_preparation():
    preparations = [Preparation("fit-ir"), Preparation(), Preparation("fit-vis")]
    assert [pair.preparation for pair in prepared(Pairs.of(PAIRS), preparations)] == preparations
    assert prepared(PAIRS, preparations)[2] == unpack(pack(PAIRS[2]), preparations[2])
