"""Check the links between the pages of a built site: ``python docs/check_links.py docs/_build/html``."""

import html
import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote


def broken(root):
    """Pairs of a page and a link in it that leads nowhere."""
    texts = {page: page.read_text(encoding="utf-8", errors="replace") for page in sorted(root.rglob("*.html"))}
    anchors = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in texts.items()}
    for page, text in texts.items():
        for link in map(html.unescape, re.findall(r'href="([^"]+)"', text)):
            if re.match(r"[a-z]+:|//", link):
                continue
            path, _, anchor = (unquote(part) for part in link.partition("#"))
            place = Path(os.path.normpath(page.parent / path.partition("?")[0])) if path else page
            if not place.exists() or (anchor and anchor not in anchors.get(place, {anchor})):
                yield page.relative_to(root), link


if __name__ == "__main__":
    found = list(broken(Path(sys.argv[1])))
    for page, link in found:
        print(f"{page}: {link}")
    sys.exit(bool(found))
