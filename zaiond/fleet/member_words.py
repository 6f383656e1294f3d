"""What is said of being a member of a fleet, in both languages."""

from zaiond.text import Sentence, Text

NO_CONNECTION = Text(
    "フリートの NATS サーバーに、まだ接続していません", "not connected to the fleet's servers yet"
)
connected = Sentence(
    "フリートの NATS サーバー {server} に接続しました",
    "connected to the fleet's NATS server {server}",
)
CUT_OFF = Text(
    "フリートのハブに引き継げないため、このマシンからメールを送ります",
    "the fleet's hubs can't be reached: this machine mails by itself",
)
cut_off = Sentence(
    "{since} から、イベントをフリートのハブに引き継げません。待っていた {number} 件と、これから届く"
    "イベントは、引き継げるようになるまで、このマシンの設定に従って、このマシンからメールで送ります。\n"
    "\n"
    "理由: {why}",
    "Since {since} no event could be handed on to the hubs of the fleet. What waited ({number}) "
    "and what comes in is mailed from this machine, by its own configuration, until it can be "
    "handed on again.\n"
    "\n"
    "The reason: {why}",
)
UNKNOWN = Text(
    "JetStream から応答がありません（zaiond-ctl fleet status）",
    "JetStream gives no answer (zaiond-ctl fleet status)",
)
BACK = Text(
    "フリートのハブに、また引き継いでいます", "events are handed on to the fleet's hubs again"
)
back = Sentence(
    "{since} から引き継げなかったイベントを、またフリートのハブに引き継いでいます。その間に作成した"
    "メールは、このマシンから送ります。",
    "Events are handed on to the hubs of the fleet again; since {since} they could not be. The "
    "mails that were made meanwhile are sent from this machine.",
)
not_all_yet = Sentence(
    "ディスクに空きがないため、引き継ぎ待ちのイベントを、まだメールにできません: {why}",
    "the disk is full, so that not all events that wait to be handed on are mails yet: {why}",
)
