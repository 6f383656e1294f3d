"""What the system says of an error, in both languages; strerror(3) has it in English alone."""

import errno
import os

from zaiond.text import Text

_JA = {
    errno.EACCES: "権限がありません",
    errno.EADDRINUSE: "アドレスはすでに使用されています",
    errno.ECONNREFUSED: "接続を拒否されました",
    errno.ECONNRESET: "接続を切断されました",
    errno.EDQUOT: "ディスクの使用量の上限に達しました",
    errno.EEXIST: "すでに存在します",
    errno.EFBIG: "ファイルが大きすぎます",
    errno.EINVAL: "引数が正しくありません",
    errno.EIO: "入出力エラーが発生しました",
    errno.EISDIR: "ディレクトリです",
    errno.ELOOP: "シンボリックリンクが循環しています",
    errno.EMFILE: "開けるファイルの数の上限に達しました",
    errno.ENAMETOOLONG: "名前が長すぎます",
    errno.ENFILE: "システムで開けるファイルの数の上限に達しました",
    errno.ENODEV: "デバイスがありません",
    errno.ENOENT: "ファイルやディレクトリがありません",
    errno.ENOEXEC: "実行できる形式のファイルではありません",
    errno.ENOMEM: "メモリーが足りません",
    errno.ENOSPC: "ディスクの空きがありません",
    errno.ENOTDIR: "ディレクトリではありません",
    errno.ENXIO: "デバイスがありません",
    errno.EPERM: "許可されていません",
    errno.EPIPE: "接続を切断されました",
    errno.EROFS: "読み取り専用のファイルシステムです",
    errno.ESTALE: "ファイルが移動または削除されました（NFS）",
    errno.ETIMEDOUT: "時間内に応答がありません",
    errno.ETXTBSY: "実行中のファイルです",
}


def words(error: OSError) -> Text:
    """Why it failed: for a sentence that says what failed, and where."""
    en = error.strerror or str(error)
    number = error.errno or 0
    return Text(_JA.get(number, en) if en == os.strerror(number) else en, en)
