"""A Pipedrive of your own on this machine: to try Warmline out with, and to test it against.

A separate program that happens to live in this repo. It imports nothing of Warmline and nothing of Django, and nothing
at run time depends on it. README.md, beside this file, says what is faithful and what is not modelled.
"""

from warmline.sandbox.door import Sandbox
from warmline.sandbox.faults import Fault, FaultKind
from warmline.sandbox.server import serve, serving
from warmline.sandbox.transport import SandboxTransport
from warmline.sandbox.world import Plan, World

__all__ = ["Fault", "FaultKind", "Plan", "Sandbox", "SandboxTransport", "World", "serve", "serving"]
