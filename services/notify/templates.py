"""The words of messages: templates in 中文, pinned by id and version, read from `templates/*.toml`.

A file holds one version of one template, and is never changed once a message was requested with it: a new version is
a new file, `loan-approved.2.toml`. An email is written once, as paragraphs and a table of facts; its text and its
HTML are made from that by a layout, which is pinned by the template in the same way.
"""

import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Self

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2 import Template as JinjaTemplate
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, JsonValue, PositiveInt, StringConstraints, ValidationError

from services.notify.senders import Sender
from services.notify.wording import VariableText, Vocabulary
from shared.schemas.notify import Channel, Name, TemplateRef, Values

__all__ = ["Addressee", "BadTemplate", "BadValues", "Catalogue", "EmailWords", "Template", "published", "shipped"]

HERE: Final = Path(__file__).parent
PUBLISHED: Final = "published.toml"
LONGEST_SMS: Final = 500
"""Characters with the signature, at mainland vendors."""

type Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class BadTemplate(ValueError):
    """A template cannot be used; the message names its file and what is wrong in it."""


class BadValues(ValueError):
    """A template's variables are missing, too many or of another type; the message names them, not their values."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Addressee:
    name: str
    sender: Sender

    def __repr__(self) -> str:
        return f"Addressee(of {self.sender.name})"


@dataclass(frozen=True, slots=True)
class EmailWords:
    subject: str
    text: str
    html: str


class SmsTemplate(_Part):
    text: Words
    """Without the signature."""

    @property
    def sources(self) -> list[str]:
        return [self.text]


class Fact(_Part):
    """A line of an email's table. It is left out where its value comes to nothing."""

    label: Words
    value: Words


class EmailTemplate(_Part):
    subject: Words
    paragraphs: Annotated[tuple[Words, ...], Field(min_length=1)]
    facts: tuple[Fact, ...] = ()
    closing: tuple[Words, ...] = ()
    layout: PositiveInt = 1

    @property
    def sources(self) -> list[str]:
        return [self.subject, *self.paragraphs, *self.closing, *(fact.value for fact in self.facts)]


class Template(_Part):
    id: Name
    version: PositiveInt
    about: Words
    """What it is for, to whoever chooses among templates."""
    variables: dict[str, VariableText] = {}
    sms: SmsTemplate | None = None
    email: EmailTemplate | None = None

    @property
    def ref(self) -> TemplateRef:
        return TemplateRef(id=self.id, version=self.version)

    @property
    def channels(self) -> frozenset[Channel]:
        parts = {Channel.SMS: self.sms, Channel.EMAIL: self.email}
        return frozenset(channel for channel, part in parts.items() if part is not None)

    def sms_text(self, to: Addressee, values: Values) -> str:
        """The whole text with its signature. Raises BadValues, also where it grows beyond 500 characters."""
        return self._sms_text(to, self._written(values))

    def email_words(self, to: Addressee, values: Values) -> EmailWords:
        """Raises BadValues."""
        return self._email_words(to, self._written(values))

    def previewed(self, to: Addressee, values: Values) -> tuple[str | None, EmailWords | None]:
        """The text message and the email, with examples for what is not among the values. Raises BadValues."""
        if strange := sorted(values.keys() - self.variables.keys()):
            raise BadValues(f"{self.ref}: has no {', '.join(strange)}")
        examples: dict[str, str | None] = {name: variable.example for name, variable in self.variables.items()}
        written = examples | {name: self._one(name, value) for name, value in values.items()}
        return (
            None if self.sms is None else self._sms_text(to, written),
            None if self.email is None else self._email_words(to, written),
        )

    def check(self) -> None:
        """Raises BadTemplate where its words and its variables do not fit together."""
        if not self.channels:
            raise BadTemplate("it has neither [sms] nor [email]")
        sources = [source for part in (self.sms, self.email) if part is not None for source in part.sources]
        try:
            used = set().union(*(find_undeclared_variables(_plain.parse(source)) for source in sources))
        except TemplateError as error:
            raise BadTemplate(str(error)) from error
        if clash := sorted(STANDARD & self.variables.keys()):
            raise BadTemplate(f"variables that every template has are declared again: {', '.join(clash)}")
        if unknown := sorted(used - STANDARD - self.variables.keys()):
            raise BadTemplate(f"variables that are not declared: {', '.join(unknown)}")
        if idle := sorted(self.variables.keys() - used):
            raise BadTemplate(f"variables that no words use: {', '.join(idle)}")
        examples: dict[str, str | None] = {name: variable.example for name, variable in self.variables.items()}
        without = examples | {name: None for name, variable in self.variables.items() if variable.optional}
        for values in (examples, without):
            self._try(values)

    def _try(self, values: dict[str, str | None]) -> None:
        to = Addressee("欧阳某某", Sender(name="某某某某区总工会", hotline="12351"))
        try:
            if self.sms is not None:
                self._sms_text(to, values)
            if self.email is not None:
                self._email_words(to, values)
        except (TemplateError, TypeError, BadValues) as error:
            raise BadTemplate(str(error)) from error

    def _written(self, values: Values) -> dict[str, str | None]:
        if wrong := sorted(values.keys() ^ self.variables.keys()):
            raise BadValues(f"{self.ref}: missing or too many: {', '.join(wrong)}")
        return {name: self._one(name, values[name]) for name in self.variables}

    def _one(self, name: str, value: JsonValue) -> str | None:
        variable = self.variables[name]
        try:
            return variable.written(value)
        except ValueError:
            raise BadValues(f"{self.ref}: {name} is no {variable.kind}") from None

    def _sms_text(self, to: Addressee, written: dict[str, str | None]) -> str:
        assert self.sms is not None, f"{self.ref} has no text message"
        text = f"【{to.sender.name}】{_say(self.sms.text, to, written)}"
        if len(text) > LONGEST_SMS:
            raise BadValues(f"{self.ref}: a text message of {len(text)} characters")
        return text

    def _email_words(self, to: Addressee, written: dict[str, str | None]) -> EmailWords:
        assert self.email is not None, f"{self.ref} has no email"
        email = self.email
        facts = [(fact.label, _say(fact.value, to, written)) for fact in email.facts]
        content = {
            "subject": _say(email.subject, to, written),
            "name": to.name,
            "sender": to.sender,
            "paragraphs": [_say(paragraph, to, written) for paragraph in email.paragraphs],
            "facts": [(label, value) for label, value in facts if value],
            "closing": [_say(paragraph, to, written) for paragraph in email.closing],
        }
        return EmailWords(
            subject=_say(email.subject, to, written),
            text=_plain.get_template(f"{email.layout}.txt.j2").render(content),
            html=_html.get_template(f"{email.layout}.html.j2").render(content),
        )


@dataclass(frozen=True, slots=True)
class Catalogue:
    templates: dict[TemplateRef, Template]
    fingerprints: dict[TemplateRef, str] = field(default_factory=dict)
    """Of all that makes a template's words: its file, the tables of words and the layout that it uses."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """All `<id>.<version>.toml` of a folder, with its `vocabulary.toml`. Raises BadTemplate, also where one was
        changed that `published.toml` pins."""
        templates: dict[TemplateRef, Template] = {}
        fingerprints: dict[TemplateRef, str] = {}
        pinned = published(folder)
        vocabulary = tomllib.loads((folder / "vocabulary.toml").read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.*.toml")):
            try:
                content = tomllib.loads(path.read_text(encoding="utf-8"))
                template = Template.model_validate(content, context={"vocabulary": vocabulary})
                template.check()
            except (tomllib.TOMLDecodeError, ValidationError, BadTemplate) as error:
                raise BadTemplate(f"{path.name}: {error}") from error
            if path.name != f"{template.id}.{template.version}.toml":
                raise BadTemplate(f"{path.name}: holds {template.ref}")
            templates[template.ref] = template
            fingerprints[template.ref] = own = _fingerprint(content, vocabulary, template)
            if pinned.get(str(template.ref), own) != own:
                raise BadTemplate(f"{path.name}: it was published and must not change; a correction is a new version")
        return cls(templates, fingerprints)

    def __getitem__(self, ref: TemplateRef) -> Template:
        """Raises KeyError."""
        return self.templates[ref]


def published(folder: Path) -> dict[str, str]:
    """Fingerprints by `loan-accepted@1`, as they were when the templates were published."""
    path = folder / PUBLISHED
    pins: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return pins


def _fingerprint(content: dict[str, Any], vocabulary: Vocabulary, template: Template) -> str:
    kinds = [str(kind).rstrip("?*").partition(":") for kind in content.get("variables", {}).values()]
    words = {table: vocabulary[table] for _, _, table in kinds if table}
    layouts = sorted((HERE / "layouts").glob(f"{template.email.layout}.*.j2")) if template.email else []
    made_of = [content, words, [path.read_text(encoding="utf-8") for path in layouts]]
    return sha256(json.dumps(made_of, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


STANDARD: Final = frozenset({"name", "federation", "hotline"})
"""Variables that every template has: the recipient's name, the federation's, and its telephone."""


@cache
def shipped() -> Catalogue:
    return Catalogue.load(HERE / "templates")


def _say(source: str, to: Addressee, written: dict[str, str | None]) -> str:
    standard = {"name": to.name, "federation": to.sender.name, "hotline": to.sender.hotline}
    return " ".join(_compiled(source).render(standard | written).split())


@cache
def _compiled(source: str) -> JinjaTemplate:
    return _plain.from_string(source)


def _environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=html,
        undefined=StrictUndefined,
        loader=FileSystemLoader(HERE / "layouts"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_nothing_missing,
    )
    environment.globals.clear()
    return environment


def _nothing_missing(value: Any) -> Any:
    """What stands in {{ }} must be there: an optional variable is asked about first."""
    if value is None:
        raise TypeError("an optional variable is written without asking whether it is there")
    return value


_plain: Final = _environment(html=False)
_html: Final = _environment(html=True)
