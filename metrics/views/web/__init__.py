"""The API and the page of views."""
