"""Assertions of the simulation show what they compared, as those of tests do."""

import pytest

pytest.register_assert_rewrite("tests.frames.core.simulation")
