from python_hooks_that_do_nothing.walk import Counter, Visitor, walk


def test_leaves_are_counted():
    counter = Counter()
    walk([1, [2, 3], []], counter)
    assert counter.leaves == 3


def test_a_callback_gets_every_leaf():
    seen = []
    walk(["a", ["b"]], Visitor(), seen.append)
    assert seen == ["a", "b"]


def test_depth_grows_with_every_list():
    class Depths(Visitor):
        def __init__(self):
            self.depths = []

        def enter(self, depth):
            self.depths.append(depth)

    depths = Depths()
    walk([[[]]], depths)
    assert depths.depths == [0, 1, 2]
