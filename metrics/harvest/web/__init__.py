"""The API and the page of harvest."""
