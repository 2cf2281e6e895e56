// Tells the server whether the page is visible: while it is not, it asks for nothing.
document.addEventListener("visibilitychange", () => emitEvent("visibility", !document.hidden));
