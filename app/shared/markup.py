"""Text from elsewhere, such as a file name or a message, as Markdown or HTML that shows it letter for letter."""

import html
import re

from xnorlab import printable


def plain(text: str) -> str:
    """`text` as Markdown without any marks, on one line."""
    # Beyond Markdown's own, Streamlit knows marks for formulas, colours and icons.
    return re.sub(r"([{}()#+\-.!$:^=])", r"\\\1", printable.in_markdown(text))


def with_code(text: str) -> str:
    """`text` as Markdown without any marks but for commands in backticks, which stay code."""
    return "".join(part if part.startswith("`") else plain(part) for part in re.split("(`[^`]+`)", text))


def html_with_code(text: str) -> str:
    """`text` as HTML, commands in backticks set as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))
