"""The loader of YAML: types of words, lines of values, and the refusal of dangerous documents."""

import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdrfuse.errors import InputError
from mmdrfuse.recipes import loading
from mmdrfuse.recipes.loading import parse


@pytest.mark.parametrize(
    ("word", "value"),
    [("1e-3", 1e-3), ("1E5", 1e5), ("+.5", 0.5), ("1.", 1.0), ("-3", -3), ("0.1", 0.1), ("no", "no"), ("on", "on"),
     ("true", True), ("~", None), ("null", None), ("none", "none"), ("010", 10), ("1:30", "1:30"), ("'1e-3'", "1e-3"),
     ("2026-01-01", "2026-01-01"), ("1_000", "1_000"), (".inf", math.inf)],
)  # fmt: skip
def test_words_have_the_types_of_yaml_1_2(word, value):
    found = parse(f"x: {word}", "f.yaml").value["x"]
    assert (found, type(found)) == (value, type(value))


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30))
def test_every_number_that_python_writes_reads_back(number):
    assert parse(f"x: {number!r}", "f.yaml").value == {"x": number}


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text("äb c'\"#:-"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
))  # fmt: skip
def test_json_reads_with_any_indent(value):
    for indent in (None, 2, "\t"):
        assert parse(json.dumps(value, indent=indent, ensure_ascii=False), "f.json").value == value


def test_every_value_has_its_line():
    document = parse("# first\na: 1\nb:\n  c: [2,\n      3]\n", "mine.yaml")
    assert [document.where(*place) for place in (("a",), ("b", "c"), ("b", "c", 1), ("b", "c", 9), ("gone",))] == [
        f"mine.yaml, line {line}" for line in (2, 4, 5, 4, 1)
    ]


def test_all_duplicate_keys_are_named_with_their_lines():
    document = parse("a: 1\nb: {c: 1, c: 2}\na: 2\n", "f.yaml")
    with pytest.raises(InputError) as caught:
        document.mistakes.raise_if_any()
    assert "2 mistakes" in str(caught.value)
    assert "f.yaml, line 2: 'c' comes twice, first in line 2" in str(caught.value)
    assert "f.yaml, line 3: 'a' comes twice, first in line 1" in str(caught.value)


BOMB = "a: &a [1, 1]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "line"),
    [(BOMB, 1), ("a: 1\nb: *a", 2), ("[" * 30 + "]" * 30, 1), ("a: 1\n---\nb: 1", 2), ("a:\n\t- 1", 2), ("a: [", 1),
     ("a: 1\n b: 2", 2), ("a: 1\nfoo\nb: 2", 2), ("a: 1\nfoo\n", 2)],
)  # fmt: skip
def test_anchors_nesting_and_broken_yaml_are_refused_with_their_line(text, line):
    with pytest.raises(InputError, match=rf"f\.yaml, line {line}: not valid YAML \("):
        parse(text, "f.yaml")


@pytest.mark.parametrize("tagged", ["!!python/object:os.system x", "!mine x", "!!int x", "!!map 5", "!!float [1]"])
def test_tags_create_no_objects(tagged):
    ((name, line, _),) = parse(f"a: 1\nb: {tagged}\n", "f.yaml").mistakes.entries
    assert (name, line) == ("f.yaml", 2)


def test_a_message_has_at_most_fifty_mistakes():
    with pytest.raises(InputError, match="50 mistakes and perhaps more") as caught:
        parse("a: 1\n" * 100, "f.yaml")
    assert str(caught.value).splitlines()[-1].startswith("  f.yaml, line 51: ")


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / "large.yaml").write_text("# " + "x" * loading.MAX_BYTES)
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe4")
    for name in ("large.yaml", "latin.yaml", "gone.yaml", "folder"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            loading.read(tmp_path / name)


def test_reading_imports_nothing_heavy():
    code = "import sys, mmdrfuse.recipes.loading as l; l.parse('a: 1', 'f'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "numpy", "scipy", "click"} & set(loaded)
