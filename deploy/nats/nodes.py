"""The nodes of a broker: the `server.conf` of one that is alone, or one file for each of a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from deploy.nats.company import Tls, cluster

__all__ = ["LEAVES", "ROUTES", "TLS", "Address", "Place", "configurations"]

ROUTES: Final = 6222
"""The port on which a node takes the others of its cluster, unless told otherwise."""
LEAVES: Final = 7422
"""And on which a city takes its counties."""
TLS: Final = Tls("server.pem", "server.key", "ca.pem")


class Address(NamedTuple):
    host: str
    port: int

    @classmethod
    def parse(cls, text: str, port: int) -> "Address":
        """Of `host` or `host:port`. Raises ValueError."""
        host, colon, named = text.partition(":")
        number = int(named) if named.isascii() and named.isdigit() else 0 if colon else port
        if not host or any(character.isspace() or character in '"/{}' for character in host) or not 0 < number < 65536:
            raise ValueError(f"{text!r} is no host, nor host:port")
        return cls(host, number)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a broker stands: `domain` is what its JetStream is called elsewhere, `beside` blocks of
    `deploy.nats.company`. `nodes` are where a cluster's nodes take each other; without any there is one."""

    domain: str = ""
    nodes: Sequence[Address] = ()
    beside: str = ""

    @property
    def name(self) -> str:
        """Of the node or the cluster. A city takes counties of one name for one."""
        return self.domain or "niangjia"


def configurations(place: Place) -> dict[str, str]:
    """By the file's name. All of them lie in one folder, with what they share, and each node is started on its own."""
    if not place.nodes:
        return {"server.conf": _configuration(place, place.name, "")}
    addresses = [str(node) for node in place.nodes]
    return {
        f"node-{number}.conf": _configuration(
            place, f"{place.name}-{number}", cluster(place.name, f"0.0.0.0:{node.port}", addresses, TLS)
        )
        for number, node in enumerate(place.nodes, start=1)
    }


def _configuration(place: Place, name: str, routes: str) -> str:
    return f"""\
server_name: {name}
listen: "0.0.0.0:4222"
max_payload: 1MB
jetstream {{
{f"  domain: {place.domain}\n" if place.domain else ""}  store_dir: "/var/lib/nats"
  sync_interval: always
  max_memory_store: 256MB
  max_file_store: 16GB
}}
tls {{
  cert_file: "server.pem"
  key_file: "server.key"
  min_version: "1.2"
}}
{routes}{place.beside}include accounts.conf
"""
