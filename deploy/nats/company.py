"""Brokers in company: the three nodes of a county's cluster, and counties as leaf nodes of their city's hub.

Each function gives a block of nats-server's configuration, beside what a node has alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Tls", "cluster", "county", "hub"]


@dataclass(frozen=True, slots=True)
class Tls:
    """Files, as the server finds them. Both ends show a certificate of the CA."""

    certificate: str
    key: str
    ca: str

    def block(self, *, verify: bool = True) -> str:
        verified = " verify: true" if verify else ""
        return f'tls {{ cert_file: "{self.certificate}" key_file: "{self.key}" ca_file: "{self.ca}"{verified} }}'


def cluster(name: str, listen: str, nodes: Sequence[str], tls: Tls | None = None) -> str:
    """Of a node that takes other nodes on `listen`; `nodes` are all their addresses, `host:port`, its own too."""
    routes = "\n".join(f'    "nats://{node}"' for node in nodes)
    secured = f"\n  {tls.block()}" if tls is not None else ""
    return f'cluster {{\n  name: {name}\n  listen: "{listen}"{secured}\n  routes: [\n{routes}\n  ]\n}}\n'


def hub(listen: str, tls: Tls | None = None) -> str:
    """Of the city's broker, which takes counties on `listen`; each signs in as a user of `deploy.nats.city`."""
    secured = f"\n  {tls.block()}" if tls is not None else ""
    return f'leafnodes {{\n  listen: "{listen}"{secured}\n}}\n'


def county(url: str, account: str, tls: Tls | None = None) -> str:
    """Of a county's broker, whose `account` takes part: it calls the city at `url`, each second while that is away."""
    secured = f" {tls.block(verify=False)}" if tls is not None else ""
    return f'leafnodes {{\n  reconnect: "1s"\n  remotes: [ {{ url: "{url}", account: "{account}"{secured} }} ]\n}}\n'
