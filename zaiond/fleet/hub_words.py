"""What a hub says of the fleet: to people by mail, in status, and on the page."""

from zaiond.text import Sentence, Text

unreadable = Sentence(
    "{machine} から届いたメッセージを読めません",
    "A message from {machine} can't be read",
)
too_many_machines = Sentence(
    "マシンが多すぎるため、{machine} を受け付けられません",
    "there are too many machines for {machine} to be taken in",
)
conflict = Sentence(
    "{machine} の id {id} は、別の内容のイベントで使用済みです（zaiond-ctl history）",
    "the id {id} of {machine} was used before for an event with other content (zaiond-ctl history)",
)
gone = Sentence(
    "フリートのストリームのコンシューマーがなくなりました（{server}）。作り直します",
    "the consumer of the fleet's stream is gone ({server}); it is made anew",
)
lacking = Sentence(
    "ノード {nodes} に、フリートのストリームのコンシューマーがありません。作り直します",
    "the consumer of the fleet's stream is missing on {nodes}; it is made anew",
)
member_silent = Sentence(
    "メンバー {machine} から連絡がありません",
    "The member {machine} is silent",
)
member_silent_since = Sentence(
    "{machine} から {at} を最後に連絡がありません。マシンの稼働状況、マシン上の zaiond（systemctl"
    " status zaiond）、フリートの NATS サーバーへの経路を確かめてください。イベントは {machine} に"
    "保存されているため、連絡が戻れば届きます。このマシンをもう使わない場合は、管理者の権限で "
    "zaiond-ctl fleet forget {machine} を実行してください。",
    "{machine} was last heard of at {at}. See whether the machine is up, whether zaiond runs there "
    "(systemctl status zaiond), and whether it reaches the fleet's NATS servers. Events are kept "
    "there, and come once it is back. If that machine is gone for good, run zaiond-ctl fleet "
    "forget {machine} with an administrator's rights.",
)
member_stopped = Sentence(
    "メンバー {machine} の zaiond が停止したままです",
    "zaiond on the member {machine} has not come up again",
)
member_stopped_since = Sentence(
    "{machine} の zaiond は {at} に停止され、まだ起動していません。起動するには、{machine} で "
    "systemctl start zaiond を実行します。イベントは {machine} に保存されているため、起動すれば届き"
    "ます。このマシンをもう使わない場合は、管理者の権限で zaiond-ctl fleet forget {machine} を実行"
    "してください。",
    "zaiond on {machine} was stopped at {at} and has not been started since. To start it, run "
    "systemctl start zaiond there. Events are kept there, and come once it is back. If that "
    "machine is gone for good, run zaiond-ctl fleet forget {machine} with an administrator's "
    "rights.",
)
member_forgotten = Sentence(
    "{machine} をフリートのメンバーから外しました",
    "{machine} is no member of the fleet any more",
)
member_taken_out = Sentence(
    "{machine} の最後の連絡が削除されたため（zaiond-ctl fleet forget）、連絡がないことによる障害を"
    "終えました。{machine} から連絡があれば、またメンバーになります。",
    "The last word of {machine} was taken out of the fleet (zaiond-ctl fleet forget), so that its "
    "silence is no problem any more. If it is heard of again, it is a member again.",
)
member_back = Sentence(
    "メンバー {machine} から連絡が戻りました",
    "The member {machine} is back",
)
member_heard = Sentence(
    "{machine} から {at} に連絡がありました。",
    "{machine} was heard of at {at}.",
)
WORKS = Text(
    "このハブがフリートのイベントを処理しています",
    "this hub works for the fleet now",
)
waits = Sentence(
    "ハブ {hub} がフリートのイベントを処理しています。このハブは待機します",
    "the hub {hub} works for the fleet; this one waits",
)
NO_LONGER = Text(
    "このハブはフリートのイベントの処理を終えました",
    "this hub does not work for the fleet any more",
)
NOT_CONNECTED = Text(
    "フリートの NATS サーバーにまだ接続していません",
    "there is no connection to the fleet's NATS servers yet",
)
CUT_OFF_SUBJECT = Text(
    "フリートから切り離されています",
    "This hub is cut off from the fleet",
)
cut_off_for = Sentence(
    "{at} からフリートの NATS サーバーを使えません: {why}\n"
    "その間、メンバーのイベントはこのハブに届かず、ジョブの未実行も判定しません。メンバーもこのハブ"
    "も、自分のマシンのイベントは、fallback_after を過ぎると自分でメールを送ります。zaiond-ctl "
    "fleet status で確かめられます。",
    "Since {at} the fleet's NATS servers are of no use: {why}\n"
    "Meanwhile no event of a member comes to this hub, and no job is judged as missed. Members, "
    "and this hub, mail what happens on their own machines by themselves once fallback_after has "
    "passed. zaiond-ctl fleet status shows how it is.",
)
BACK_SUBJECT = Text(
    "フリートとの接続が戻りました",
    "This hub reaches the fleet again",
)
BACK = Text(
    "フリートの NATS サーバーを使えるようになりました。",
    "The fleet's NATS servers can be used again.",
)
no_room = Sentence(
    "フリートから届いたイベント {count} 件を、まだ保存できません: {why}",
    "{count} events of the fleet can't be taken in yet: {why}",
)
unread_state = Sentence(
    "ほかのハブが残した障害・ジョブの記録のうち、{count} 個を読めません",
    "{count} parts of what another hub remembers of problems and jobs can't be read",
)
state_unkept = Sentence(
    "障害・ジョブの記録をフリートに保存できません: {why}",
    "what is remembered of problems and jobs can't be kept in the fleet: {why}",
)
