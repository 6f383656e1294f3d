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
HUBS_LOOK = Text(
    "このマシンはフリートのメンバーで、イベントをハブに引き継ぎます。引き継いだイベントの障害、ジョブ、"
    "通知の一時停止は、動作中のハブで操作してください。ここにあるものは、このマシンが自分でメールを"
    "送るときだけ使われます",
    "this machine is a member of a fleet: problems, jobs and silences of what it hands on are "
    "looked after by the hub that works; those here count only while this machine mails by itself",
)
NOBODY = Text("（まだ分かりません）", "which is not known yet")
