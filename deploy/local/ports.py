"""TCP ports of this machine's loopback address."""

import errno
import socket

LOOPBACK = "127.0.0.1"


class PortBusy(Exception):
    """Another process already listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} on {LOOPBACK} is in use by another process")
        self.port = port


def free_port() -> int:
    """A port nobody listens on at this moment; nothing reserves it until a server takes it."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int) -> None:
    """Raise PortBusy when something listens on the port, on loopback or on all addresses."""
    with socket.socket() as probe:
        # Without this a port whose last connections still linger in TIME_WAIT would count as busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortBusy(port) from error
            raise
