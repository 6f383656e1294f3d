"""What every page says, in both languages; each page's own sentences stand beside this."""

from zaiond.text import Sentence, Text

# -- The frame of a page

PRODUCT = Text("Zaionnex メール通知", "Zaionnex mail notification")
SKIP = Text("本文へ移動", "Skip to the content")
NAVIGATION = Text("ページ", "Pages")
MENU = Text("メニュー", "Menu")
ACCOUNT = Text("アカウント", "Account")
LOGOUT = Text("ログアウト", "Log out")
PAGES = {
    "/status": Text("状態", "Status"),
    "/queue": Text("キュー", "Queue"),
    "/spool": Text("スプール", "Spool"),
    "/history": Text("履歴", "History"),
    "/problems": Text("障害", "Problems"),
    "/jobs": Text("ジョブ", "Jobs"),
    "/silences": Text("通知の一時停止", "Silences"),
    "/routes": Text("送信先の確認", "Routes"),
    "/settings": Text("メールサーバー設定", "Mail server"),
}
_BEFORE_FLEET = "/jobs"
FLEET = Text("フリート", "Fleet")


def pages(*, of_fleet: bool) -> dict[str, Text]:
    """The names of the pages of the menu, by their paths; of a machine of a fleet that, too."""
    if not of_fleet:
        return PAGES
    all_: dict[str, Text] = {}
    for path, name in PAGES.items():
        all_[path] = name
        if path == _BEFORE_FLEET:
            all_["/fleet"] = FLEET
    return all_


title_of = Sentence("{page} - {product}", "{page} - {product}")
WARNING = Text("警告", "Warning")
RELOAD = Text("もう一度表示する", "Try again")

# -- Lists

FILTERS = Text("絞り込み", "Filter")
SHOW = Text("表示", "Show")
ANY = Text("すべて", "any")
CONTAINS = Text("含まれる文字列", "Contains")
CANCEL = Text("キャンセル", "Cancel")
COMMENT = Text("コメント（必須）", "Comment (required)")
NO_COMMENT = Text("コメントを入力してください", "Enter a comment")
at_least = Sentence("{severity} 以上", "{severity} and worse")
ACTIONS = Text("操作", "Actions")
CHOOSE = Text("選択", "Choose")
choose = Sentence("{id} を選択", "choose {id}")
DELETE = Text("削除", "Delete")
DELETE_ASKS = Text("削除…", "Delete…")
delete_all = Sentence("{number} 件すべてを削除…", "Delete all {number}…")
and_more = Sentence("ほか {number} 件", "and {number} more")
BEFORE = Text("前のページ", "Previous page")
AFTER = Text("次のページ", "Next page")
PARTS = Text("一覧のページ", "Pages of the list")
part_of = Sentence("{pages} ページ中 {number} ページ目", "page {number} of {pages}")

# -- What went wrong

NOT_DONE = Text("実行できませんでした", "That could not be done")
NOT_FOUND = Text("ページが見つかりません", "No such page")
NOT_FOUND_WHY = Text(
    "アドレスを確認するか、上の一覧から選んでください。",
    "Check the address, or choose a page above.",
)
WRONG_METHOD = Text("この操作はできません", "That can't be done here")
wrong_method = Sentence(
    "このアドレスで使えるメソッドは {allowed} です（{method} は使えません）。"
    "上の一覧から選んでください。",
    "This address takes {allowed}, not {method}. Choose a page above.",
)
TOO_MANY = Text(
    "接続が多すぎます。少し待ってから、もう一度実行してください",
    "Too many connections: try again in a moment",
)
FAULT = Text("内部エラーが発生しました", "Something went wrong here")
FAULT_WHY = Text(
    "zaiond-web の不具合です。詳細: journalctl -u zaiond-web",
    "This is a fault of zaiond-web. More: journalctl -u zaiond-web",
)
REFUSED = Text("受け付けられません", "Not accepted")
wrong_host = Sentence(
    "このアドレス（{host}）は zaiond-web のものではありません。"
    "プロキシ経由で使う場合は、設定 web.url にブラウザーで開くアドレスを書いてください。",
    "This address ({host}) is not zaiond-web's. Behind a proxy, the setting web.url names the"
    " address that browsers open.",
)
SESSION_OVER = Text("ログインの有効期限が切れました", "You are logged out")
SESSION_OVER_WHY = Text(
    "何も変更していません。ログインしてから、もう一度実行してください。",
    "Nothing was changed. Log in, and then try again.",
)
TO_LOGIN = Text("ログインする", "Log in")
WRONG_ORIGIN = Text(
    "ほかのサイトから送られたフォームのため、何も変更していません。"
    "プロキシ経由で使う場合は、設定 web.url にブラウザーで開くアドレスを書いてください。",
    "The form came from another site, so nothing was changed. Behind a proxy, the setting web.url"
    " names the address that browsers open.",
)
WRONG_FORM = Text(
    "フォームの有効期限が切れたため、何も変更していません。"
    "前のページに戻り、再読み込みしてからもう一度実行してください。",
    "The form has expired, so nothing was changed. Go back, load the page again, and then try"
    " again.",
)
TOO_LARGE = Text("送られた内容が大きすぎます。", "What was sent is too large.")
TOO_SLOW = Text("時間内に届きませんでした。", "It did not arrive in time.")
NO_FORM = Text("フォームとして読めません。", "It can't be read as a form.")

# -- The daemon

NO_DAEMON = Text("zaiond が応答しません", "zaiond does not answer")
AGAIN = Text(
    "このページは、zaiond が応答すると自動的に表示されます。",
    "This page looks again by itself until zaiond answers.",
)
not_running = Sentence(
    "zaiond が動いていません（{path}: {why}）。起動: systemctl start zaiond",
    "zaiond is not running ({path}: {why}). To start it: systemctl start zaiond",
)
not_permitted = Sentence(
    "{path}: 権限がありません。zaiond-web のユーザーがグループ {group} に参加している必要があります"
    "（自分で起動した場合は、usermod -aG {group} ユーザー名 のあとログインし直すか、"
    "root で起動してください）",
    "{path}: permission denied: the user of zaiond-web must be in the group {group} (where you"
    " started it yourself: usermod -aG {group} USER and log in again, or start it as root)",
)
hangs = Sentence(
    "zaiond がハングしているようです。{seconds:.0f} 秒以内に応答がありません（{path}）。"
    "ログ: journalctl -u zaiond、再起動: systemctl restart zaiond",
    "zaiond hangs: no answer within {seconds:.0f} s ({path})."
    " Its log: journalctl -u zaiond; to restart it: systemctl restart zaiond",
)
broke_off = Sentence(
    "zaiond の応答が途中で切れました（{path}）", "zaiond's answer broke off ({path})"
)
no_talk = Sentence(
    "zaiond と通信できません（{path}: {why}）", "can't talk to zaiond ({path}: {why})"
)

# -- The process

no_extra = Sentence(
    "zaiond-web に必要なライブラリがインストールされていません。zaiond を Debian パッケージで"
    "お使いの場合は、パッケージ zaiond-web をインストールしてください。それ以外の場合は、次の"
    "コマンドを実行してください: {python} -m pip install 'zaiond[web]'",
    "the libraries of zaiond-web are not installed: if zaiond is a Debian package, install the "
    "package zaiond-web; else run {python} -m pip install 'zaiond[web]'",
)
link = Sentence(
    "ブラウザーで次のリンクを開いてください（{minutes} 分以内に 1 回だけ使えます）:",
    "Open this link in a browser (it works once, within {minutes} minutes):",
)
ENDS = Text(
    "30 分間使われないと終了します。今すぐ終了するには Ctrl-C を押してください。",
    "This ends after 30 minutes without use; Ctrl-C ends it now.",
)
cant_listen = Sentence(
    "{address} で待ち受けできません: {why}。ほかのプログラム（別の zaiond-web など）がその"
    "アドレスを使っていないか確認するか、設定 web.listen を変更してください",
    "can't listen on {address}: {why}. See whether another program (another zaiond-web, for one)"
    " has that address, or change web.listen in the configuration",
)
internal_error = Sentence("内部エラー（{path}）", "internal error ({path})")
request_refused = Sentence(
    "{address} からの {path} へのアクセスを拒否しました: {why}",
    "a request from {address} for {path} was refused: {why}",
)
cant_read = Sentence("{path} を読めません: {why}", "can't read {path}: {why}")
noted = Sentence("{name}（{address}）: {what}", "{name} ({address}): {what}")
listens = Sentence("zaiond-web を起動しました: {url}", "zaiond-web has started: {url}")
needs_certificate = Sentence(
    "{address} はほかのマシンから接続できるアドレスなので、証明書がなければ待ち受けません。"
    "設定 web.cert_file と web.key_file を設定してください",
    "{address} can be reached from other machines, which takes a certificate: set web.cert_file"
    " and web.key_file",
)
mend_certificate = Sentence(
    "{address} はほかのマシンから接続できるアドレスなので、証明書を使えない間は待ち受けません。"
    "上に示した設定の誤りを直してください。サービスの場合は、そのあと実行します:"
    " systemctl reset-failed zaiond-web.service zaiond-web.socket"
    " && systemctl restart zaiond-web.socket",
    "{address} can be reached from other machines, which takes a certificate that can be used: mend"
    " what is said above. Then, to start the service: systemctl reset-failed zaiond-web.service"
    " zaiond-web.socket && systemctl restart zaiond-web.socket",
)
listens_elsewhere = Sentence(
    "設定 web.listen は {listen} ですが、待ち受けているのは {address} です。"
    "systemd のソケットに合わせるには: systemctl edit zaiond-web.socket"
    "（[Socket] に ListenStream= と ListenStream={listen} の 2 行）",
    "web.listen is {listen}, but what listens is systemd's socket at {address}. To change that:"
    " systemctl edit zaiond-web.socket (below [Socket] two lines, ListenStream= and"
    " ListenStream={listen})",
)
bad_certificate = Sentence(
    "設定 web.cert_file と web.key_file の証明書と秘密鍵を使えません: {why}",
    "the certificate and key of web.cert_file and web.key_file can't be used: {why}",
)
not_renewed = Sentence(
    "新しい証明書を使えないため、これまでの証明書を使い続けます: {why}",
    "no new certificate is taken, the one before stays: {why}",
)
wrong_setting = Sentence("設定の誤り: {key}: {what}", "wrong setting: {key}: {what}")
