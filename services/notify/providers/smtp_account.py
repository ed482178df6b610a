"""A mail server, and who a federation is there."""

from email.headerregistry import Address
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.notify.providers.secret import Secret

__all__ = ["Security", "SmtpAccount"]


class Security(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class SmtpAccount(BaseModel):
    """A mail server, and who we are there."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["smtp"] = "smtp"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Security = Security.STARTTLS
    ca_file: Path | None = None
    """Certificates to trust in place of the system's."""
    username: str | None = None
    password: Secret | None = None
    from_address: str
    return_path: str | None = None
    """Where bounces go, `from_address` unless set. `{id}` in it becomes the notification's id: `bounces+{id}@…`."""
    callback_key: Secret | None = None
    """With it the mail server brings what comes to `return_path` to our door, and is asked for receipts."""
    local_hostname: str = "localhost"
    """The name we greet the server with."""
    connections: Annotated[int, Field(ge=1, le=64)] = 4
    """How many it is spoken to by, at most; one as long as messages come one by one."""
    timeout: Annotated[float, Field(gt=0)] = 30.0
    """Seconds for each reply."""

    @model_validator(mode="after")
    def _passwords_travel_sealed(self) -> Self:
        if self.username is not None and self.security is Security.NONE:
            raise ValueError("a username needs security tls or starttls: a password does not travel in clear")
        return self

    @property
    def domain(self) -> str:
        return Address(addr_spec=self.from_address).domain

    def bounces_to(self, notification_id: UUID) -> str:
        return (self.return_path or self.from_address).replace("{id}", notification_id.hex)
