"""The words of the fleet's page; what it says of each machine is in ctl.fleet_words."""

from zaiond.text import Text

TITLE = Text("フリート", "Fleet")
LINK = Text("フリートの状態を見る", "See the fleet")
FACTS = Text("ストリーム", "The stream")
