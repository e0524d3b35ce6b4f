"""Several machines on one: each is a network namespace with a host name of its own, joined to others by switches.

Everything happens in namespaces that belong to one program (`in_namespaces`): networks, mounts, processes. When that
program ends, however it ends, the system ends all processes and takes all networks away, and nothing of it was ever
seen outside. To cut a machine off, its cable is pulled out of a switch: packets are lost without a word.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence

HARNESS = 1  # the last number of our own address in each network
NETWORKS = {"db": "10.77.1", "pd": "10.77.2", "web": "10.77.3"}  # of the database, of Pipedrive, of those who call us
ALONE = ("unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc")
OWN_FOLDERS = "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && mkdir /run/netns"
PROBE = f"{OWN_FOLDERS} && ip netns add probe && ip link add probe type bridge"


def why_not() -> str:
    """Return why this machine cannot play several, and how to get what is missing; empty when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root: sudo make cluster"
    for program, package in {"ip": "iproute2", "unshare": "util-linux", "setpriv": "util-linux"}.items():
        if shutil.which(program) is None:
            return f"{program} is missing: apt-get install {package}"
    probed = subprocess.run([*ALONE, "sh", "-c", PROBE], capture_output=True, text=True, check=False)
    if probed.returncode:
        reason = probed.stderr.strip()
        return f"this machine lets nobody make network namespaces ({reason}); in a container, run it with --privileged"
    return ""


def in_namespaces(command: Sequence[str]) -> list[str]:
    """Return the command that runs another one in namespaces of its own, with folders of its own for their names."""
    return [*ALONE, "sh", "-c", f'{OWN_FOLDERS} && ip link set lo up && exec "$@"', "sh", *command]


class Network:
    """The switches and cables. Made by a program that runs in namespaces of its own."""

    def __init__(self) -> None:
        self._number = HARNESS
        for net, prefix in NETWORKS.items():
            _ip("link", "add", net, "type", "bridge")
            _ip("address", "add", f"{prefix}.{HARNESS}/24", "dev", net)
            _ip("link", "set", net, "up")

    def add(self, name: str, *nets: str) -> dict[str, str]:
        """Make a machine.

        Args:
            name: Its host name.
            nets: The networks to which it is joined.

        Returns:
            Its address in each of them.
        """
        self._number += 1
        _ip("netns", "add", name)
        _ip("-netns", name, "link", "set", "lo", "up")
        addresses = {net: f"{NETWORKS[net]}.{self._number}" for net in nets}
        for net, address in addresses.items():
            _ip("link", "add", f"{name}-{net}", "type", "veth", "peer", "name", net, "netns", name)
            self.plug(name, net)
            _ip("link", "set", f"{name}-{net}", "up")
            _ip("-netns", name, "address", "add", f"{address}/24", "dev", net)
            _ip("-netns", name, "link", "set", net, "up")
        return addresses

    def unplug(self, name: str, net: str) -> None:
        """Cut a machine off from a network."""
        _ip("link", "set", f"{name}-{net}", "nomaster")

    def plug(self, name: str, net: str) -> None:
        """Join it again."""
        _ip("link", "set", f"{name}-{net}", "master", net)


def on_machine(name: str, command: Sequence[str]) -> list[str]:
    """Return the command that runs another one on a machine; its process is the command's own."""
    named = 'hostname "$0" && exec "$@"'
    return ["ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", named, name, *command]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)
