"""A broker is told once what is asked of it, and then only what has changed."""

from aiokafka.protocol.fetch import FetchRequest_v11
from aiokafka.structs import TopicPartition

from marea.bus.kafka.question import EPOCH_MAX, Question, Session

A, B, C = (TopicPartition("market", number) for number in range(3))
Asked = dict[int, int]


def written(question: Question) -> tuple[tuple[int, int], Asked, list[tuple[str, list[int]]]]:
    """Its place in its session, the offset by partition, and what it no longer asks for."""
    built = question.build(FetchRequest_v11)
    asked = {number: offset for _, parts in built.topics for number, _, offset, *_ in parts}
    return (built.session_id, built.session_epoch), asked, built.forgotten_topics_data


def test_question_that_is_asked_once_begins_no_session() -> None:
    assert written(Question({A: 3}, 0)) == ((0, -1), {0: 3}, [])


def test_next_question_tells_what_is_new_what_went_on_and_what_is_left_out() -> None:
    session = Session()
    assert written(session.next({A: 3, B: 5}, 250)) == ((0, 0), {0: 3, 1: 5}, [])
    session.go_on(77)
    assert written(session.next({A: 3, B: 6}, 250)) == ((77, 1), {1: 6}, [])
    session.go_on(77)
    assert written(session.next({B: 6, C: 0}, 250)) == ((77, 2), {2: 0}, [("market", [0])])
    session.go_on(77)
    assert written(session.next({B: 6, C: 0}, 250)) == ((77, 3), {}, [])


def test_all_is_told_again_where_the_broker_remembers_nothing() -> None:
    session = Session()
    session.next({A: 3}, 250)
    session.go_on(77)
    session.begin_anew()
    assert written(session.next({A: 3}, 250)) == ((0, 0), {0: 3}, [])
    session.go_on(0)
    assert written(session.next({A: 3}, 250)) == ((0, 0), {0: 3}, [])


def test_questions_are_counted_as_far_as_the_broker_counts() -> None:
    session = Session()
    session._place = session._place._replace(session=77, epoch=EPOCH_MAX)
    session.go_on(77)
    assert written(session.next({}, 250))[0] == (77, 1)
