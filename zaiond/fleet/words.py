"""What is said of the fleet's engine and of what passes through it, in both languages."""

from zaiond.text import Sentence, Text

no_machine = Sentence(
    "マシン名 {name} はフリートで使えません。英数字とハイフンからなる完全修飾ドメイン名にしてく"
    "ださい"
    "（hostnamectl set-hostname、/etc/hosts）",
    "{name} can't be a machine's name in a fleet: let it be a fully qualified name of letters, "
    "digits and hyphens (hostnamectl set-hostname, /etc/hosts)",
)
no_subject = Sentence(
    "サブジェクト {subject} は、メンバーのものではありません",
    "the subject {subject} is no member's",
)
no_headers = Sentence(
    "{machine} から届いたメッセージに、必要なヘッダーがありません",
    "a message from {machine} lacks headers that it must have",
)
no_event = Sentence(
    "{machine} から届いたメッセージは、イベントとして読めません: {why}",
    "a message from {machine} can't be read as an event: {why}",
)
another_id = Sentence(
    "{machine} から届いたメッセージの id が、ヘッダーと本体で違います",
    "a message from {machine} has another id in its header than in its line",
)

# -- the connection

NO_SERVERS = Text("NATS サーバーがありません", "there is no NATS server")
unreachable = Sentence(
    "フリートの NATS サーバー {server} に接続できません: {why}。そのサーバーで nats-server が動いて"
    "いるか、ファイアウォールがポートを開けているかを確かめてください",
    "can't connect to the fleet's NATS server {server}: {why}; see that nats-server runs there, "
    "and that no firewall is in the way",
)
no_name = Sentence(
    "フリートの NATS サーバー {server} の名前を解決できません（{why}）。fleet.servers の名前と、"
    "このマシンの DNS の設定を確かめてください",
    "the name of the fleet's NATS server {server} can't be resolved ({why}); see that it is right "
    "in fleet.servers, and that DNS works on this machine",
)
connect_silent = Sentence(
    "フリートの NATS サーバー {server} から応答がありません。ファイアウォールと、そのサーバーの"
    "状態を"
    "確かめてください",
    "the fleet's NATS server {server} doesn't answer; check that no firewall is in the way and "
    "that the machine is up",
)
no_nats = Sentence(
    "{server} は NATS サーバーとして応答しません（{why}）。fleet.servers のポートを確かめてくだ"
    "さい",
    "{server} doesn't answer as a NATS server ({why}); see whether the port in fleet.servers is "
    "right",
)
not_verified = Sentence(
    "フリートの NATS サーバー {server} の証明書を確かめられません（{why}）。fleet.ca_file に認"
    "証局の"
    "証明書を設定し、fleet.servers のサーバー名を証明書の名前に合わせてください",
    "the certificate of the fleet's NATS server {server} can't be verified ({why}); set "
    "fleet.ca_file to its authority's, and let fleet.servers have a name that is in it",
)
not_valid_now = Sentence(
    "フリートの NATS サーバー {server} の証明書は、有効期間外です（{why}）。そのノードの証明書を"
    "新しいものに替え、nats-server を再読み込みしてください。期間内のはずなら、このマシンの時計を"
    "確かめてください",
    "the certificate of the fleet's NATS server {server} is not valid now ({why}); put a new one "
    "on that node and reload nats-server, or set this machine's clock if that is wrong",
)
no_tls = Sentence(
    "フリートの NATS サーバー {server} と TLS で通信できません（{why}）。サーバーの設定に tls "
    "があるかを"
    "確かめてください",
    "no TLS with the fleet's NATS server {server} ({why}); see that its configuration has a tls "
    "section",
)
no_ca = Sentence(
    "{path} を CA 証明書として読めません: {why}",
    "{path} can't be read as certificates of authorities: {why}",
)
no_login = Sentence(
    "フリートの NATS サーバー {server} にログインを拒否されました。fleet の user とパスワード"
    "（または credentials_file、nkey_file）が、サーバーの設定と同じかを確かめてください",
    "the fleet's NATS server {server} refused the login; see that fleet's user and password (or "
    "credentials_file, or nkey_file) are as in the server's configuration",
)
too_old = Sentence(
    "{server} の nats-server は {found} です。2.9 以降が必要です",
    "{server} runs nats-server {found}; 2.9 or newer is needed",
)
lost = Sentence(
    "フリートの NATS サーバー {server} との接続が切れました",
    "the connection to the fleet's NATS server {server} was lost",
)
silent = Sentence(
    "フリートの NATS サーバー {server} から、時間内に応答がありません。ノードの過半数が動いてい"
    "るか、ストリームがあるかを確かめてください（ハブで zaiond-ctl fleet status。ストリームは "
    "zaiond-ctl fleet init で作れます）",
    "the fleet's NATS server {server} didn't answer in time; see that most of the nodes run and "
    "that the streams are there (on a hub: zaiond-ctl fleet status; fleet init makes them)",
)
not_ready = Sentence(
    "フリートの NATS サーバー {server} は、今は JetStream を使えません（{why}）。ノードの過半数"
    "が動いて"
    "いるかを確かめてください",
    "JetStream can't work now, says the fleet's NATS server {server} ({why}); see that most of the "
    "nodes run",
)
no_jetstream = Sentence(
    "{server} では JetStream を使えません。nats-server の設定に jetstream の項目を書き、アカウ"
    "ントでも"
    "有効にしてください（docs/fleet.ja.md）",
    "{server} has no JetStream; put a jetstream section into nats-server's configuration, and "
    "enable it for the account (docs/fleet.md)",
)
no_stream = Sentence(
    "{server} に、フリートのストリームがありません。管理者の権限で zaiond-ctl fleet init を実行して"
    "ください",
    "{server} has no stream of the fleet; run zaiond-ctl fleet init with an administrator's rights",
)
no_right = Sentence(
    "{server} で権限が足りません: {right}。nats-server の設定の permissions を直してください"
    "（docs/fleet.ja.md）",
    "a right is missing at {server}: {right}; mend the permissions in nats-server's configuration "
    "(docs/fleet.md)",
)
full = Sentence(
    "フリートのストリームがいっぱいです（{server}: {why}）。ハブが動いているかを確かめてください。"
    "動いていれば、zaiond-ctl fleet init --max-events か、nats-server の設定の max_disk と "
    "max_file で上限を増やせます",
    "the fleet's stream is full ({server}: {why}); see that a hub works; if it does, zaiond-ctl "
    "fleet init --max-events, or max_disk and max_file in nats-server's configuration, make more "
    "room",
)
too_few = Sentence(
    "ストリームの複製に必要な数のノードがありません（{server}: {why}）。すべてのノードが動いて "
    "1 つのクラスターになっているかを確かめてください。ノードの数に合わせて --replicas で減らす"
    "こともできます。"
    "1 台だけのときは --replicas 1 です（そのノードが壊れると、イベントが失われます）",
    "there are too few nodes for the stream's replicas ({server}: {why}); see that all nodes run "
    "and are one cluster, or give as few as there are by --replicas: of a single node it is "
    "--replicas 1 (then a node that breaks loses events)",
)
too_large = Sentence(
    "イベントが {server} の上限 {limit} バイトを超えています。nats-server の設定の max_payload を"
    "1MB にしてください（docs/fleet.ja.md）",
    "an event is over the {limit} bytes that {server} takes; set max_payload to 1MB in "
    "nats-server's configuration (docs/fleet.md)",
)
refused = Sentence(
    "フリートの NATS サーバー {server} に拒否されました: {why}",
    "the fleet's NATS server {server} refused: {why}",
)
