"""A simulated Pipedrive on this machine, for trying out and testing Warmline.

It is a separate program in this repository: it imports nothing else from Warmline and no Django, and Warmline does not
use it at run time. README.md beside this file says what it models faithfully and what it leaves out.
"""

from warmline.sandbox.faults import Fault, FaultKind
from warmline.sandbox.gateway import Sandbox
from warmline.sandbox.server import serve, serving
from warmline.sandbox.settings import Plan
from warmline.sandbox.transport import SandboxTransport
from warmline.sandbox.world import World

__all__ = ["Fault", "FaultKind", "Plan", "Sandbox", "SandboxTransport", "World", "serve", "serving"]
