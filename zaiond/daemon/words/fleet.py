"""What is said of a fleet to who asks a daemon about it."""

from zaiond.text import Sentence, Text

NO_HUB = Text(
    "このマシンはフリートのハブではありません。フリート全体の状態は、ハブで確かめられます",
    "this machine is no hub of a fleet; how a fleet is, its hubs know",
)
look_at = Sentence(
    "このハブは待機しています。障害、ジョブ、通知の一時停止は、動作中のハブ {hub} で操作してくださ"
    "い",
    "this hub waits: problems, jobs and silences are looked after by the hub that works, {hub}",
)
NOBODY = Text("（まだ分かりません）", "which is not known yet")
