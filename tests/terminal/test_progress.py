import io

from rich.console import Console

from metrics.terminal.progress import bar


def test_a_bar_whose_total_becomes_known_shows_how_much_of_it_is_done() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    totals: list[int | None] = [None, None, 200]
    with bar(lambda: f"loading {len(totals)}", lambda: totals.pop(0), console) as move:
        move(50)
        before = console.file.getvalue()  # type: ignore[attr-defined]
        move(100)
    after = console.file.getvalue()[len(before) :]  # type: ignore[attr-defined]
    assert "50%" in after
    assert "%" not in before
