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
