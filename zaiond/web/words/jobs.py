"""The words of the jobs' page; what it says of each is in ctl.labels."""

from zaiond.text import Text

TITLE = Text("ジョブ", "Jobs")
NONE_MATCHES = Text("条件に一致するジョブはありません", "No job matches")
