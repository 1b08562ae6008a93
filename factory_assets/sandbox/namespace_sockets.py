"""A stand-alone script: enters network namespaces, makes every address lead to their loopback, and hands two sockets of
each to whoever asks: port 53, and one that sees each packet for another place.

It is started as `python -I -S namespace_sockets.py DESCRIPTOR` and may import nothing but the standard library. It is
a process of its own because only a single thread may enter a user namespace (setns(2)), and forks for each namespace.
What it needs the right for it has as the owner of the namespace, or as root.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct
import sys
import time

_NS_GET_USERNS = 0xB701
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_RTM_NEWROUTE, _NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_CREATE = 24, 1, 4, 0x400
_RT_TABLE_MAIN, _RTPROT_STATIC, _RTN_LOCAL, _RT_SCOPE_HOST = 254, 4, 2, 254
_RTA_OIF, _RTA_PREFSRC = 4, 7
_SO_ATTACH_FILTER = 26
_NOT_UP = {errno.EINVAL, errno.ENETDOWN, errno.ENODEV, errno.ENETUNREACH}
_UP_SECONDS, _LOOK_SECONDS = 3.0, 0.005
_ETH_P_ALL, _ETH_P_IP, _ETH_P_IPV6 = 3, 0x0800, 0x86DD
_PACKET_OUTGOING = 4
_AD_PROTOCOL, _AD_PACKET_TYPE = 0xFFFFF000, 0xFFFFF004
_LOAD, _LOAD_HALF, _AND, _EQUAL, _RETURN = 0x20, 0x28, 0x54, 0x15, 0x06

# Classic BPF (https://docs.kernel.org/networking/filter.html): what goes out and is not for 127.0.0.0/8 or ::1. The
# second and third number of a comparison say how many lines to skip when it holds and when it does not.
_LEADS_ELSEWHERE = (
    (_LOAD, 0, 0, _AD_PACKET_TYPE),
    (_EQUAL, 0, 15, _PACKET_OUTGOING),
    (_LOAD_HALF, 0, 0, _AD_PROTOCOL),
    (_EQUAL, 0, 3, _ETH_P_IP),
    (_LOAD, 0, 0, 16),
    (_AND, 0, 0, 0xFF000000),
    (_EQUAL, 10, 9, 0x7F000000),
    (_EQUAL, 0, 9, _ETH_P_IPV6),
    (_LOAD, 0, 0, 24),
    (_EQUAL, 0, 6, 0),
    (_LOAD, 0, 0, 28),
    (_EQUAL, 0, 4, 0),
    (_LOAD, 0, 0, 32),
    (_EQUAL, 0, 2, 0),
    (_LOAD, 0, 0, 36),
    (_EQUAL, 1, 0, 1),
    (_RETURN, 0, 0, 128),
    (_RETURN, 0, 0, 0),
)


def main() -> None:
    """Answer until nobody can ask any more: each question is a process's number, and brings the socket to answer by."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who enter
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        while True:
            pid, descriptors, _, _ = socket.recv_fds(asking, 32, 1)
            if not pid:
                return
            with socket.socket(fileno=descriptors[0]) as answering:
                if os.fork() == 0:
                    asking.close()
                    _hand_over(int(pid), answering)
                    os._exit(0)


def _hand_over(pid: int, answering: socket.socket) -> None:
    """Enter, set up, hand over; or say why that cannot be."""
    try:
        _enter(pid)
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            if family == socket.AF_INET or os.access("/proc/net/if_inet6", os.F_OK):
                _lead_to_loopback_once_up(family, address)
        names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        names.bind(("127.0.0.1", 53))
        packets = _packets_for_elsewhere()
    except OSError as error:
        answering.send(str(error).encode())
    else:
        socket.send_fds(answering, [b"1"], [names.fileno(), packets.fileno()])


def _enter(pid: int) -> None:
    network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    # Its owner, not the process's own one: bubblewrap makes a second user namespace below it.
    user = fcntl.ioctl(network, _NS_GET_USERNS)
    if not os.path.samestat(os.fstat(user), os.stat("/proc/self/ns/user")):  # noqa: PTH116 - beside a descriptor
        _set_namespace(user, _CLONE_NEWUSER)
    _set_namespace(network, _CLONE_NEWNET)


def _set_namespace(descriptor: int, kind: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, kind):
        raise OSError(ctypes.get_errno(), "setns")


def _lead_to_loopback_once_up(family: int, address: str) -> None:
    """Bubblewrap names its process before that one has brought up loopback."""
    deadline = time.monotonic() + _UP_SECONDS
    while True:
        try:
            _lead_to_loopback(family, address)
        except OSError as error:
            if error.errno not in _NOT_UP or time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            return


def _lead_to_loopback(family: int, address: str) -> None:
    """Add a route by which every address is this machine's own; without a listener it is refused at once."""
    packed = socket.inet_pton(family, address)
    body = struct.pack(
        "=8BI", family, 0, 0, 0, _RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_HOST, _RTN_LOCAL, 0
    ) + struct.pack("=HHI", 8, _RTA_OIF, socket.if_nametoindex("lo"))
    # From loopback, so that answers go to loopback and only what was asked for leads elsewhere.
    body += struct.pack("=HH", 4 + len(packed), _RTA_PREFSRC) + packed
    flags = _NLM_F_REQUEST | _NLM_F_ACK | _NLM_F_CREATE
    head = struct.pack("=IHHII", 16 + len(body), _RTM_NEWROUTE, flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.send(head + body)
        (fault,) = struct.unpack_from("=i", kernel.recv(4096), 16)
    if fault:
        raise OSError(-fault, "no route could be added")


def _packets_for_elsewhere() -> socket.socket:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    lines = b"".join(struct.pack("=HBBI", *line) for line in _LEADS_ELSEWHERE)
    kept = ctypes.create_string_buffer(lines)
    program = struct.pack("@HP", len(_LEADS_ELSEWHERE), ctypes.addressof(kept))
    packets.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    packets.bind(("lo", _ETH_P_ALL))
    return packets


if __name__ == "__main__":
    main()
