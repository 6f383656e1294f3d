"""A letter that waits is published as the event that was taken in."""

from hypothesis import given
from hypothesis import strategies as st

from zaiond.delivery import handing_on
from zaiond.fleet import hand_over, letter
from zaiond.fleet.streams import LONGEST_MESSAGE
from zaiond.model import StoredEvent
from zaiond.wire import MAX_ID_LENGTH

TEXT = st.text(min_size=1, max_size=20).filter(str.isprintable)


@given(TEXT, st.integers(0, 2**32 - 2), TEXT, st.booleans(), st.text("abc", max_size=9))
def test_what_is_kept_of_a_letter_is_what_the_hub_gets(
    id_: str, uid: int, source: str, notice: bool, user: str
) -> None:
    import json

    body = json.dumps({"type": "a.b", "id": id_, "source": source}, ensure_ascii=False).encode()
    stored = StoredEvent(7, id_, uid, source, 1234.5, body, notice=notice)
    packed = hand_over.pack(hand_over.keep(stored, user), "m1.zaion.jp")
    assert packed == letter.encode(stored, "m1.zaion.jp", user)
    found = letter.decode(packed.subject, packed.payload, packed.headers)
    assert found.machine == "m1.zaion.jp"
    assert found.user == user
    assert found.notice == notice
    assert found.event[:4] == (id_, uid, source, 1234.5)
    assert found.event[4] == body


def test_message_ids_differ_by_what_they_are_of_and_are_the_same_everywhere() -> None:
    def made(
        *of: str, machine: str = "m1.zaion.jp", source: str = "s", notice: bool = False
    ) -> str:
        return letter.message_id(machine, 1000, source, "e", notice, *of)

    assert made("route", "event") == made("route", "event", machine="M1.zaion.jp")
    different = {
        made("route", "event"), made("route", "grouped"), made("other", "event"), made(),
        made("route", "event", source=""), made("route", "event", notice=True),
        made("route", "event", machine="m2.zaion.jp"), made("routeevent"),
    }  # fmt: skip
    assert len(different) == 8
    assert made().startswith("<")
    assert made().endswith("@m1.zaion.jp>")


def test_the_longest_letter_has_room_in_the_stream_with_its_headers() -> None:
    longest = "\N{GRINNING FACE}" * MAX_ID_LENGTH
    body = b"x" * handing_on.LONGEST
    stored = StoredEvent(7, longest, 2**32 - 2, longest, 1.7e9, body, notice=True)
    packed = letter.encode(stored, "m" * 253, "u" * 255)
    headers = sum(len(f"{name}: {value}\r\n") for name, value in packed.headers.items())
    assert len(packed.payload) + headers + 100 <= LONGEST_MESSAGE
