"""Links to the same page with another choice: the address has it, and the page changes in place."""

from collections.abc import Awaitable, Callable, Mapping

from nicegui import ui

Go = Callable[[str], Awaitable[None]]
"""A callback that goes to an address of this page."""

# A link that is to open in another tab or window is the browser's.
_FOLLOWED = "click.exact.prevent"


class Link:
    """A link to this page with another choice."""

    def __init__(self, text: str, go: Go) -> None:
        self._link = ui.link(text, "")
        self._address = ""
        self._link.on(_FOLLOWED, lambda: go(self._address))

    def show(self, address: str, *, is_current: bool = False) -> None:
        """Lead to an address.

        Args:
            is_current: whether it is shown already.
        """
        self._address = address
        self._link.props(f'href="{address}"')
        self._link.props(**({"add": "aria-current=true"} if is_current else {"remove": "aria-current"}))

    def set_visibility(self, *, is_visible: bool) -> None:
        """Show or hide it."""
        self._link.set_visibility(is_visible)


class Links:
    """A choice between a few values, each a link.

    Args:
        names: text of the link by value.
    """

    def __init__(self, label: str, names: Mapping[str, str], go: Go) -> None:
        with ui.element("div").classes("choices").props(f'role=group aria-label="{label}"'):
            self._links = {value: Link(text, go) for value, text in names.items()}

    def show(self, addresses: Mapping[str, str], current: str) -> None:
        """Lead to the addresses of the values; those without an address are hidden."""
        for value, link in self._links.items():
            link.set_visibility(is_visible=value in addresses)
            if value in addresses:
                link.show(addresses[value], is_current=value == current)
