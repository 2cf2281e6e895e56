"""Views: events of who watched what, counted once, with trends and similar items."""
