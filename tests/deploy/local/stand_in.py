"""A program in place of a service: answers health on HTTP_PORT, and notes its end in the file ENDS.

With `stubborn` as its argument it takes no SIGTERM.
"""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import FrameType


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")


def leave(_number: int, _frame: FrameType | None) -> None:
    with Path(os.environ["ENDS"]).open("a") as ends:
        ends.write(sys.argv[1] + "\n")
    sys.exit(0)


signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in sys.argv else leave)
server = HTTPServer(("127.0.0.1", int(os.environ["HTTP_PORT"])), Health)
print("up", flush=True)
server.serve_forever()
