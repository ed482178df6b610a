"""Brokers in company: the three nodes of a county's cluster, and counties as leaf nodes of their city's hub.

Each function gives a block of nats-server's configuration, beside what a node has alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Tls", "cluster", "county", "hub"]


@dataclass(frozen=True, slots=True)
class Tls:
    """Files, as the server finds them."""

    certificate: str
    key: str
    ca: str

    def block(self, *, both: bool = False) -> str:
        """With `both`, whoever calls must show a certificate of the CA too."""
        checked = f', ca_file: "{self.ca}", verify: true' if both else ""
        return f'tls {{ cert_file: "{self.certificate}", key_file: "{self.key}"{checked} }}'


def cluster(name: str, listen: str, nodes: Sequence[str], tls: Tls | None = None) -> str:
    """Of a node that takes other nodes on `listen`; `nodes` are all their addresses, `host:port`, its own too."""
    routes = "\n".join(f'    "nats://{node}"' for node in nodes)
    secured = f"\n  {tls.block(both=True)}" if tls is not None else ""
    return f'cluster {{\n  name: {name}\n  listen: "{listen}"{secured}\n  routes: [\n{routes}\n  ]\n}}\n'


def hub(listen: str, tls: Tls) -> str:
    """Of the city's broker, which takes counties on `listen`; each signs in as a user of `deploy.nats.city`, and calls
    the addresses that it was given: those of the machine's own are not told to it."""
    return f'leafnodes {{\n  listen: "{listen}"\n  no_advertise: true\n  {tls.block()}\n}}\n'


def county(urls: Sequence[str], account: str, creds: str, ca: str) -> str:
    """Of a county's broker, whose `account` (a public key) takes part: it calls the city at one of `urls`, signs in by
    the file `creds`, and believes `ca`; each second while the city is away."""
    listed = ", ".join(f'"{url}"' for url in urls)
    remote = f'urls: [{listed}], account: "{account}", credentials: "{creds}", tls {{ ca_file: "{ca}" }}'
    return f'leafnodes {{\n  reconnect: "1s"\n  remotes: [ {{ {remote} }} ]\n}}\n'
