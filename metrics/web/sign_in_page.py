"""The page that asks a browser's user for the token."""

_WRONG = "That is not the token."

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { display: grid; place-items: center; min-height: 100vh; margin: 0; }
  form { width: min(20rem, 85vw); }
  h1 { font-size: 1.25rem; margin: 0; }
  label { display: block; margin: 1rem 0 0.25rem; }
  input, button { box-sizing: border-box; width: 100%; min-height: 44px; padding: 0 0.75rem; font: inherit; }
  input { border: 1px solid GrayText; border-radius: 6px; }
  button { margin-top: 1rem; border: 0; border-radius: 6px; background: #0072b2; color: #fff; cursor: pointer; }
  p { margin: 0.5rem 0 0; }
  [role=alert] { color: light-dark(#a33d00, #ff9d5c); min-height: 1.5em; }
</style>
<form method="post">
  <h1>Frames per second and unique users per minute</h1>
  <label for="token">Token</label>
  <input id="token" name="token" type="password" autocomplete="current-password" aria-describedby="note" required
    autofocus>
  <p id="note" role="alert">{note}</p>
  <button>Sign in</button>
  <p><small>It is what API_TOKEN is set to where this is served.</small></p>
</form>
</html>
"""


def html(*, is_wrong: bool) -> str:
    """Return the page.

    Args:
        is_wrong: whether a token was given that is not the right one.
    """
    return _PAGE.replace("{note}", _WRONG if is_wrong else "")
