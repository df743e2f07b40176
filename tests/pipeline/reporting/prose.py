"""English that a page shows a reader of Chinese."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_VOID = {"meta", "input", "img", "br", "path", "use", "rect"}
_UNREAD = {"script", "style", "pre", "head", "title"}
_COMMAND = re.compile(r"pip install \S+")
# Two words of which the second has no capital: names, of files, columns and software, are one word each.
_PROSE = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}(?![\w./])")


class _Visible(HTMLParser):
    """Texts that are shown in Chinese: not those of another language, of scripts and of commands."""

    def __init__(self, html):
        super().__init__()
        self.open, self.texts, self.language = [], [], "zh"
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.language = given["lang"] if tag == "html" else self.language
        if tag not in _VOID:
            self.open.append((tag, tag in _UNREAD or given.get("lang") == "en"))
        if self.language == "zh" and not any(hidden for _, hidden in self.open):
            self.texts += [given[name] for name in ("alt", "aria-label") if given.get(name)]

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if data.strip() and not any(hidden for _, hidden in self.open):
            self.texts.append(" ".join(data.split()))


def english(html, *, names=()):
    """Sentences, and words in lower case that stand alone, but for names of the data.

    Parameters
    ----------
    html : str
        A page. Of one that begins in English, words that only a screen reader says are left out: they don't change.
    names : collection of str
        Of sources, columns, kinds of fake: words that are the same in every language.

    Returns
    -------
    set of str
    """
    found = set()
    for text in _Visible(html).texts:
        rest = _COMMAND.sub("", text)
        for name in sorted(names, key=len, reverse=True):
            rest = rest.replace(name, "")
        if _PROSE.search(rest) or re.fullmatch("[a-z]{2,}", rest.strip()):
            found.add(text)
    return found
