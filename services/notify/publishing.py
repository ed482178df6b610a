"""Publishing templates: held against rules and events, and their words pinned for good.

`python -m services.notify.publishing` writes `templates/published.toml`: the hash of each version of a template, with
its layout and the tables of words that it uses. From then on its file cannot be changed unnoticed: a service whose
templates differ from what was published does not start.
"""

import sys
from pathlib import Path
from typing import Final

from services.notify import rules
from services.notify.reactions import LANGUAGES
from services.notify.rules import check_rules
from services.notify.templates import PUBLISHED, BadTemplate, Catalogue, published
from shared.schemas.language import events_of

__all__ = ["Unpublishable", "publish"]

HEAD: Final = """\
# The words of each version of a template, pinned when it was published: python -m services.notify.publishing
# A line here is for good: a correction is the next version.
"""


class Unpublishable(Exception):
    """Something published was changed, or rules and templates do not fit; the message says what."""


def publish(folder: Path, catalogue: Catalogue) -> list[str]:
    """Pin what is new among the templates of a folder; their names. Raises Unpublishable."""
    known = published(folder)
    now = {str(ref): own for ref, own in catalogue.fingerprints.items()}
    if lost := sorted(known.keys() - now.keys()):
        raise Unpublishable(f"published, and not there any more: {', '.join(lost)}")
    (folder / PUBLISHED).write_text(
        HEAD + "".join(f'"{ref}" = "{pin}"\n' for ref, pin in sorted(now.items())), encoding="utf-8"
    )
    return sorted(now.keys() - known.keys())


def main() -> None:
    folder = rules.HERE / "templates"
    try:
        catalogue = Catalogue.load(folder)
    except BadTemplate as error:
        sys.exit(str(error))
    languages = {programme: events_of(module) for programme, module in LANGUAGES.items()}
    if problems := check_rules(rules.Rulebook.load(rules.HERE / "rules.toml", catalogue), catalogue, languages):
        sys.exit("\n".join(problems))
    try:
        new = publish(folder, catalogue)
    except Unpublishable as error:
        sys.exit(str(error))
    print("\n".join(f"published {name}" for name in new) or "nothing new")


if __name__ == "__main__":
    main()
