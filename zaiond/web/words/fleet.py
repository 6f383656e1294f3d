"""The words of the fleet's page; what it says of each machine is in ctl.fleet_words."""

from zaiond.text import Text
from zaiond.web import words

TITLE = words.FLEET
LINK = Text("フリートの状態を見る", "See the fleet")
FACTS = Text("概要", "Overview")
CANT_SHOW = Text("フリートの状態を表示できません", "The fleet can't be shown")
WHERE = Text(
    "このマシンはメンバーです。フリート全体の状態は、ハブの同じページで確かめられます。",
    "This machine is a member. How the whole fleet is, this page shows on a hub.",
)
NONE = Text("このマシンはフリートに属していません", "This machine belongs to no fleet")
NONE_WHY = Text(
    "多くのマシンのイベントを 2 台のハブから送るには、設定 fleet が必要です（docs/fleet.ja.md）。",
    "For two hubs to mail for many machines there is the setting fleet (docs/fleet.md).",
)
