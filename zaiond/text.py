"""Sentences for a person, each in both languages, written side by side."""

import errno
from typing import Literal, NamedTuple

Language = Literal["ja", "en"]

# What the system says of an error: its own words are English, wherever it runs.
_REASONS = {
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


class Text(NamedTuple):
    """One sentence in Japanese and in English; values are put in before it is made."""

    ja: str
    en: str

    def in_language(self, language: Language) -> str:
        return self.ja if language == "ja" else self.en


class Sentence(NamedTuple):
    """A sentence with places for values: `{path}`. Called with them it is a Text."""

    ja: str
    en: str

    def __call__(self, **values: object) -> Text:
        """A Text among the values, and the reason of an OSError, is put in by language."""
        ja, en = dict(values), dict(values)
        for name, value in values.items():
            if isinstance(value, OSError):
                value = reason(value)
            if isinstance(value, Text):
                ja[name], en[name] = value
        return Text(self.ja.format(**ja), self.en.format(**en))


def reason(error: OSError) -> Text:
    """Why the system could not do it; in its own words where it is a rare reason."""
    said = error.strerror or str(error)
    if said == "AF_UNIX path too long":  # Python's own, before the system is asked
        return Text(
            "ソケットのパスが長すぎます（107 バイトまで）",
            "the path of a socket has 107 bytes at most",
        )
    return Text(_REASONS.get(error.errno or 0) or said, said)


def times(number: int) -> Text:
    """How often something was."""
    return Text(f"{number:,} 回", "once" if number == 1 else f"{number:,} times")
