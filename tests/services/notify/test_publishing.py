"""What was published is for good."""

from pathlib import Path

import pytest

from services.notify import rules, templates
from services.notify.publishing import Unpublishable, publish
from services.notify.templates import BadTemplate, Catalogue, published

GREETING = """
id = "greeting"
version = 1
about = "问候"
[variables]
tier = "word:tier-1"
[sms]
text = "{{ name }}您好，{{ tier }}。"
"""
WORDS = '[tier-1]\nmember = "会员贷"\n[other-1]\na = "甲"\n'


def folder_of(path: Path) -> Path:
    (path / "vocabulary.toml").write_text(WORDS)
    (path / "greeting.1.toml").write_text(GREETING)
    return path


def test_every_shipped_template_is_published_as_it_stands() -> None:
    pinned = published(rules.HERE / "templates")
    unpinned = {str(ref) for ref in templates.shipped().templates} - pinned.keys()
    assert not unpinned, "publish them: python -m services.notify.publishing"
    assert pinned == {str(ref): own for ref, own in templates.shipped().fingerprints.items()}


def test_a_template_is_published_once(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    assert publish(folder, Catalogue.load(folder)) == ["greeting@1"]
    assert publish(folder, Catalogue.load(folder)) == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("greeting.1.toml", "您好", "你好"),
        ("vocabulary.toml", "会员贷", "会员贷款"),
        ("greeting.1.toml", "问候", "告别"),
    ],
)
def test_what_was_published_is_not_changed(tmp_path: Path, file: str, old: str, new: str) -> None:
    folder = folder_of(tmp_path)
    publish(folder, Catalogue.load(folder))
    (folder / file).write_text((folder / file).read_text().replace(old, new))
    with pytest.raises(BadTemplate, match=r"greeting\.1\.toml: it was published"):
        Catalogue.load(folder)


def test_comments_and_words_of_others_may_change(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    publish(folder, Catalogue.load(folder))
    (folder / "greeting.1.toml").write_text("# 给新会员\n" + GREETING)
    (folder / "vocabulary.toml").write_text(WORDS.replace("甲", "乙"))
    assert publish(folder, Catalogue.load(folder)) == []


def test_what_was_published_is_not_taken_away(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    publish(folder, Catalogue.load(folder))
    (folder / "greeting.1.toml").unlink()
    with pytest.raises(Unpublishable, match="greeting@1"):
        publish(folder, Catalogue.load(folder))


def test_a_correction_is_the_next_version(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    publish(folder, Catalogue.load(folder))
    (folder / "greeting.2.toml").write_text(GREETING.replace("version = 1", "version = 2").replace("您好", "你好"))
    assert publish(folder, Catalogue.load(folder)) == ["greeting@2"]
