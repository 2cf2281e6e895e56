"""The web server: a page and an API over the board of what is looked at live."""
