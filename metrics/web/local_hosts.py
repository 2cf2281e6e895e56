"""Host names of this machine, as its own browser uses them."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit


@lru_cache(maxsize=16)  # 4 us a request; a host may be 64 KiB long
def is_local(host: str) -> bool:
    """Return whether a header Host names this machine: another site's name may resolve to it, too (DNS rebinding)."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def why_refused(host: str, setting: str) -> str:
    """Return why a request for another host is refused, and the setting that would allow it."""
    refused = f"host {host}" if host else "a request without a host is"
    return f"{refused} not allowed: use 127.0.0.1, or set {setting}"
