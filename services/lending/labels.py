"""Labels for items: a page of HTML to print, each with its code in letters and as a QR code."""

from collections.abc import Sequence
from html import escape
from string import Template
from typing import Final

import segno

from shared.schemas.lending import Code

__all__ = ["sheet"]

PAGE: Final = Template("""<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<title>$title</title>
<style>
@page { size: A4; margin: 10mm; }
body { margin: 0; font: 10pt sans-serif; }
main { display: grid; grid-template-columns: repeat(4, 1fr); gap: 4mm; }
figure { margin: 0; padding: 3mm; border: 1px dashed #999; text-align: center; break-inside: avoid; }
figure svg { width: 30mm; height: 30mm; }
figcaption { font-family: monospace; font-size: 11pt; }
</style>
<main>
$labels
</main>
</html>
""")
LABEL: Final = Template("<figure>$qr<div>$name</div><figcaption>$code</figcaption></figure>")


def sheet(title: str, labels: Sequence[tuple[Code, str]]) -> str:
    """Labels are (code, the kind's name). A quarter of each QR code may be scratched away (error correction Q)."""
    made = [
        LABEL.substitute(
            qr=segno.make_qr(code, error="Q").svg_inline(omitsize=True, border=2),
            name=escape(name),
            code=escape(code),
        )
        for code, name in labels
    ]
    return PAGE.substitute(title=escape(title), labels="\n".join(made))
