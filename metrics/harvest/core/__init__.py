"""The pure part of harvest: frames, events, times, order, reports."""
