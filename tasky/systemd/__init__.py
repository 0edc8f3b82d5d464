"""Tasky as a service of systemd: what the service manager gives to it, and what it is told. Imports nothing of ours but
errors.

Only the documented protocols are spoken (sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)), each of a few lines:
no library of systemd's is needed, and other service managers that speak them do as well.
"""

from .activation import passed_socket
from .given import Given
from .heartbeat import Heartbeat, Probe
from .manager import ServiceManager
from .summary import summary

__all__ = ["Given", "Heartbeat", "Probe", "ServiceManager", "passed_socket", "summary"]
