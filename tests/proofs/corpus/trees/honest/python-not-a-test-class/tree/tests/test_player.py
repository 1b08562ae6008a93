import pytest

from python_not_a_test_class.player import NotRecordedError, TestServer


class TestServerWithLog(TestServer):
    """A server of the tests' own, and no test."""

    __test__ = False

    def test_of_the_log(self):
        return "\n".join(self.asked)


def test_an_answer_is_played():
    assert TestServer({"a": "b"}).ask("a") == "b"


def test_requests_are_kept():
    server = TestServerWithLog({"a": "b", "c": "d"})
    server.ask("a")
    server.ask("c")
    assert server.test_of_the_log() == "a\nc"


def test_what_was_not_recorded_is_an_error():
    with pytest.raises(NotRecordedError):
        TestServer({}).ask("a")
