from mmdrfuse.system.lazy import Mapped


def test_items_are_made_when_they_are_asked_for_and_compare_as_those_of_a_list():
    made = []
    squares = Mapped(lambda number: made.append(number) or number**2, range(10**9))
    assert (len(squares), squares[-1], squares[3:5]) == (10**9, (10**9 - 1) ** 2, [9, 16])
    assert made == [10**9 - 1, 3, 4]
    assert squares[:2] == (0, 1) != squares[1:3]
    assert 16 in squares
    assert repr(squares[2:4]) == "[4, 9]"
