"""What `zaiond-ctl fleet` says, in both languages."""

from zaiond.text import Sentence, Text

no_fleet = Sentence(
    "{path} に fleet の項目がありません。docs/fleet.ja.md の手順で設定してください",
    "{path} has no section fleet; set it up as docs/fleet.md says",
)
broken = Sentence(
    "{path} に誤りがあるため、フリートに接続できません",
    "{path} is not valid, so that the fleet can't be connected to",
)
NOT_A_NUMBER = Text(
    "--replicas には 1、3、5 のどれかを指定してください", "--replicas takes 1, 3 or 5"
)
NO_NUMBER_OF_EVENTS = Text(
    "--max-events には 1000 から 1000000000 までの整数を指定してください",
    "--max-events takes a whole number from 1000 to 1000000000",
)
no_credentials = Sentence(
    "{path} を管理者の資格情報として読めません。NATS のクレデンシャル ファイル、NKey のシード、"
    "または「ユーザー名」と「パスワード」を 1 行ずつ書いたファイルを指定してください",
    "{path} holds no credentials: name a credentials file of NATS, the seed of an NKey, or a file "
    "with the user on its first line and the password on its second",
)
needs_administrator = Sentence(
    "これには管理者の権限が必要です。--credentials で管理者の資格情報を指定してください"
    "（docs/fleet.ja.md）。NATS の応答: {why}",
    "this takes an administrator's rights: name an administrator's login by --credentials FILE"
    " (docs/fleet.md). NATS says: {why}",
)
none_of = Sentence(
    "fleet.servers の {number} 台のどれにも接続できません。最後に試したもの: {why}",
    "none of the {number} servers of fleet.servers can be connected to. The last that was tried:"
    " {why}",
)
login_refused = Sentence(
    "--credentials で指定した {path} ではログインできません。nats-server の設定にある管理者のもの"
    "かを確かめてください（docs/fleet.ja.md）。NATS の応答: {why}",
    "the login in {path} (--credentials) is of no use: see that it is the administrator's as in"
    " nats-server's configuration (docs/fleet.md). NATS says: {why}",
)
ONE_REPLICA = Text(
    "警告: 複製が 1 つのストリームは、そのノードの故障でイベントを失います（ノードが 3 台あれば"
    " --replicas 3）",
    "warning: with one replica a node that breaks loses events (of three nodes: --replicas 3)",
)
needs_hub = Sentence(
    "フリート全体の状態は、メンバーの権限では見られません。ハブで実行するか、--credentials で管理者"
    "の資格情報を指定してください。このマシンの状態は zaiond-ctl status で確かめられます。"
    "NATS の応答: {why}",
    "a member has no right to see the whole fleet: run this on a hub, or name an administrator's"
    " login by --credentials FILE; how this machine is, zaiond-ctl status says. NATS says: {why}",
)
DONE = {
    "made": Text("作成しました", "made"),
    "mended": Text("変更しました", "changed"),
    "same": Text("すでにあります", "is there already"),
    "refused": Text("変更できません", "can't be changed"),
}
STREAMS = {
    "ZAIOND": Text("イベント（ZAIOND）", "events (ZAIOND)"),
    "ZAIOND_ALIVE": Text("メンバーの状態（ZAIOND_ALIVE）", "members' last words (ZAIOND_ALIVE)"),
    "KV_zaiond-hub": Text("ハブの状態（KV_zaiond-hub）", "the hubs' state (KV_zaiond-hub)"),
}
differs = Sentence("{setting}: {found} → {wanted}", "{setting}: {found} -> {wanted}")
REFUSED = Text(
    "何も変更していません。動いているストリームでは変えられない項目があるか、待っているイベントが"
    "新しい上限を超えています。イベントが残っていないことを fleet status で確かめ、"
    "ストリームを削除してから（NATS の CLI で nats stream rm）もう一度実行してください",
    "Nothing was changed: a stream that is in use can't be changed like that, or more waits in it "
    "than the new limit. See by fleet status that no event is left, delete the stream (by NATS's "
    "own CLI: nats stream rm), and run this again",
)
WELL = Text("フリートは正常です", "The fleet is well")
LOOK = Text("フリートに確認が必要なことがあります", "The fleet needs a look")
NO_HUB = Text(
    "動いているハブがありません。ハブで systemctl status zaiond を確かめてください",
    "no hub works: see systemctl status zaiond on the hubs",
)
NO_STANDBY = Text(
    "待機しているハブがありません。もう 1 台のハブを起動してください",
    "no other hub waits: start the second one",
)
silent = Sentence(
    "{machine} から {age} 連絡がありません。そのマシンの電源、ネットワーク、zaiond を確かめて"
    "ください。もう使わないマシンは zaiond-ctl fleet forget {machine} で外せます",
    "{machine} has been silent for {age}: see its power, its network, and zaiond there. If it is "
    "gone for good: zaiond-ctl fleet forget {machine}",
)
more_silent = Sentence(
    "ほか {number} 台からも連絡がありません（下の一覧）",
    "{number} more are silent (see the list below)",
)
down = Sentence(
    "{machine} では {age}前に zaiond が停止され、まだ起動していません。そのマシンで zaiond を起動"
    "してください。もう使わないマシンは zaiond-ctl fleet forget {machine} で外せます",
    "zaiond on {machine} was stopped {age} ago and has not come up again: start it there. If that "
    "machine is gone for good: zaiond-ctl fleet forget {machine}",
)
more_down = Sentence(
    "ほか {number} 台でも zaiond が停止されたままです（下の一覧）",
    "{number} more were stopped and have not come up again (see the list below)",
)
by_itself = Sentence(
    "{machine} は、ハブに引き継げないため自分でメールを送っています。理由は、そのマシンの "
    "zaiond-ctl status で確かめられます",
    "{machine} mails by itself, as it can't hand on; zaiond-ctl status there says why",
)
more_by_itself = Sentence(
    "ほか {number} 台も自分でメールを送っています（下の一覧）",
    "{number} more mail by themselves (see the list below)",
)
forgotten = Sentence(
    "{machine} を外しました（最後の連絡: {age}前）",
    "{machine}: taken out; it was last heard of {age} ago",
)
is_alive = Sentence(
    "{machine} は動いているため、30 秒以内の次の連絡で一覧に戻ります。外すには、先にそのマシンで "
    "systemctl disable --now zaiond を実行してください",
    "it is alive, and back with its next word, within 30 seconds. To take it out, first run "
    "systemctl disable --now zaiond there",
)
no_machine = Sentence(
    "{machine}: このマシンはフリートの一覧にありません（一覧: zaiond-ctl fleet status）",
    "{machine}: no such machine in the fleet's list (the list: zaiond-ctl fleet status)",
)
node_down = Sentence(
    "ノード {nodes} が止まっています。フリートは {number} 台中 {left} 台で動いています。"
    "{nodes} で nats-server を起動してください",
    "node {nodes} is not there: the fleet goes on with {left} of {number}; start nats-server on it",
)
nodes_down = Sentence(
    "ノード {nodes} が止まっています。フリートは {number} 台中 {left} 台で動いています。"
    "これらのノードで nats-server を起動してください",
    "nodes {nodes} are not there: the fleet goes on with {left} of {number}; start nats-server on "
    "them",
)
too_few_nodes = Sentence(
    "動いているノードが {number} 台中 {left} 台しかなく、過半数が動くまで、ハブに引き継げません。"
    "{nodes} で nats-server を起動してください",
    "too few nodes are there, {left} of {number}: nothing can be handed on until most of them run; "
    "start nats-server on {nodes}",
)
behind = Sentence(
    "ノード {node} の複製が遅れています。自動的に追いつきますが、長く続くときは、そのノードの負荷、"
    "ディスク、ネットワークを確かめてください",
    "node {node} lags behind the others. It catches up by itself; if that takes long, see its "
    "load, disk and network",
)
degraded = Sentence(
    "{stream}の複製がそろっていません。止まっているノードを起動してください",
    "{stream}: not all replicas are there; start the node that is down",
)
missing = Sentence(
    "{stream}がありません。zaiond-ctl fleet init を実行してください",
    "{stream}: it is missing; run zaiond-ctl fleet init",
)
filling = Sentence(
    "待っているイベントが上限の {percent}% になりました。ハブが動いているかを確かめてください",
    "what waits fills {percent}% of its limit: see that a hub works",
)
BACKLOG = Text("ハブを待つイベント", "Waiting for a hub")
backlog = Sentence("{events:,} 件（{size} MB）", "{events:,} ({size} MB)")
SERVER = Text("NATS サーバー", "NATS server")
server = Sentence("{server}（nats-server {version}）", "{server} (nats-server {version})")
WORKS = Text("動作中のハブ", "Working hub")
NOBODY = Text("なし", "none")
HUBS = Text("ハブ", "Hubs")
MEMBERS = Text("メンバー", "Members")
members = Sentence("{number} 台（{parts}）", "{number} ({parts})")
counted = Sentence("{state} {number} 台", "{state}: {number}")
AT_MEMBERS = Text("メンバーでの待ち件数", "Waiting at members")
MACHINE = Text("マシン", "machine")
HEARD = Text("最後の連絡", "last heard of")
ago = Sentence("{age}前", "{age} ago")
WAITING = Text("待ち件数", "waiting")
STATE = Text("状態", "state")
VERSION = Text("バージョン", "version")
STATES = {
    "handing_on": Text("引き継ぎ中", "hands on"),
    "on_trial": Text("引き継ぎを再開中", "tries to hand on again"),
    "by_itself": Text("自分で送信中", "mails by itself"),
    "silent": Text("連絡なし", "silent"),
    "down": Text("停止したまま", "stopped, not back"),
    "stopped": Text("停止", "stopped"),
    "working": Text("動作中", "works"),
    "waiting": Text("待機中", "waits"),
}
NODES = Text("ストリームの複製", "Replicas")
node = Sentence("{name}（{state}）", "{name} ({state})")
CURRENT = Text("正常", "current")
BEHIND = Text("遅れ", "behind")
OFFLINE = Text("停止", "down")
NO_MEMBERS = Text("まだどのメンバーからも連絡がありません", "no member has been heard of yet")
