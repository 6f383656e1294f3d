"""The words of a mail that tells of several events. No line of a sentence has 40 characters or more
before another: Outlook would join the two.
"""

from zaiond.text import Sentence, Text

# How the subject begins, by the kind of the group: why its events go together.
MARKS = {
    "event": Text("まとめ", "several"),
    "grouped": Text("グループ通知", "grouped"),
    "digest": Text("まとめ送信", "digest"),
    "held": Text("保留分", "held until now"),
    "suppressed": Text("送信数の上限超過", "over the limit"),
}
NUMBER = Sentence("{events}のイベント", "{events}")
NUMBER_HELD = Sentence("保留した {events}のイベント", "{events} held back")

# What the mail is.
SENTENCES = {
    "event": Sentence(
        "{events}のイベントをまとめてお知らせします。", "This mail tells of {events}."
    ),
    "grouped": Sentence(
        "同じグループのイベント {events}を、\nまとめてお知らせします。",
        "This mail tells of {events} of one group.",
    ),
    "digest": Sentence(
        "まとめ送信です。\n{events}のイベントをお知らせします。", "This is a digest of {events}."
    ),
    "held": Sentence(
        "通知する時間帯になるまで保留していた、\n{events}のイベントをお知らせします。",
        "This mail tells of {events} held until now, as no mails are sent at that time.",
    ),
    "suppressed": Sentence(
        "メールの数が上限を超えたため、\n{events}のイベントを保留していました。\n"
        "1 通にまとめてお知らせします。",
        "There were more mails than the limit allows. This mail tells of {events} held back.",
    ),
}
WORST_FIRST = Text("重大度の高いものから順に示します。", "The worst come first.")

# Labels, and what stands below the events.
TOTAL = Text("件数", "Events")
GROUP = Text("グループ", "Group")
FIRST = Text("最初", "First")
LAST = Text("最後", "Last")
REASON = Text("理由", "Reason")
EVENTS = Text("■ イベント", "== Events ==")
REPORTS = Text("■ ほかの報告", "== Other reports ==")  # of a problem that is told of above
MORE = Sentence("ほかに {events}のイベントがあります。", "Not shown here: {events}.")
ALL = Text("すべて表示", "To see all")
ONE = Text("1 件の詳細を表示", "To see one in full")
ONE_ID = Text("イベントID", "EVENT-ID")


def events(number: int) -> Text:
    """So many of them."""
    return Text(f"{number:,} 件", f"{number:,} event{'s' if number != 1 else ''}")
