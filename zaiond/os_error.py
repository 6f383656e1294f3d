"""What the system says of an error, in Japanese: its own words are English, wherever it runs.

Standard library only, as `zaiond.client` imports it.
"""

import errno

_WORDS = {
    errno.EACCES: "権限がありません",
    errno.EADDRINUSE: "アドレスが使用中です",
    errno.EAGAIN: "今は処理できません",
    errno.EBADF: "開いていません",
    errno.EBUSY: "使用中です",
    errno.ECONNABORTED: "接続を切断されました",
    errno.ECONNREFUSED: "接続を拒否されました",
    errno.ECONNRESET: "接続を切断されました",
    errno.EDQUOT: "ディスクの割り当てを超えました",
    errno.EEXIST: "すでに存在します",
    errno.EFBIG: "ファイルが大きすぎます",
    errno.EINVAL: "引数が正しくありません",
    errno.EIO: "入出力エラーです",
    errno.EISDIR: "ディレクトリです",
    errno.ELOOP: "シンボリックリンクはたどれません",
    errno.EMFILE: "開いているファイルが多すぎます",
    errno.ENAMETOOLONG: "名前が長すぎます",
    errno.ENFILE: "システムで開いているファイルが多すぎます",
    errno.ENODEV: "デバイスがありません",
    errno.ENOENT: "ファイルまたはディレクトリがありません",
    errno.ENOEXEC: "実行できる形式ではありません",
    errno.ENOMEM: "メモリが足りません",
    errno.ENOSPC: "空き容量がありません",
    errno.ENOTCONN: "接続されていません",
    errno.ENOTDIR: "ディレクトリではありません",
    errno.ENOTEMPTY: "ディレクトリが空ではありません",
    errno.ENXIO: "デバイスがありません",
    errno.EPERM: "許可されていない操作です",
    errno.EPIPE: "相手が接続を閉じました",
    errno.EROFS: "読み取り専用のファイルシステムです",
    errno.ESTALE: "ファイルハンドルが無効です",
    errno.ETIMEDOUT: "時間内に応答がありません",
    errno.ETXTBSY: "実行中のファイルです",
}


def in_japanese(error: OSError) -> str:
    """Why it failed; in the system's words where it is a rare reason."""
    return _WORDS.get(error.errno or 0) or error.strerror or str(error)
