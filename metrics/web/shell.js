/* Scripts of all pages. The theme: a cookie stores the choice; without one, it is the system's. */
const theme = {
  names: ["system", "light", "dark"],

  chosen() {
    const name = document.cookie.match(/(?:^|; )theme=(\w+)/)?.[1];
    return theme.names.includes(name) ? name : "system";
  },

  choose(name) {
    document.cookie = `theme=${name}; path=/; max-age=31536000; SameSite=Strict`;
    document.getElementById("themes").hidePopover();
    theme.show();
    window.emitEvent?.("theme", name);
  },

  show() {
    const name = theme.chosen();
    const isDark = name === "dark" || (name === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    if (window.Quasar) Quasar.Dark.set(isDark);
    document.body.classList.toggle("body--dark", isDark);
    document.documentElement.classList.toggle("dark-mode", isDark);
    for (const button of document.querySelectorAll("#themes button")) {
      button.setAttribute("aria-pressed", button.value === name);
    }
  },
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme.show);

/* Lets ECharts measure texts here. Chromium keeps each text of a canvas that is not shown as long as the canvas lives. */
async function measure_texts() {
  const { echarts } = await import("nicegui-echart");
  echarts.setPlatformAPI({ measureText: measured_text });
}
const measuring = { context: null, texts: 0 };
function measured_text(text, font) {
  if (measuring.texts++ % 100 === 0) measuring.context = document.createElement("canvas").getContext("2d");
  measuring.context.font = font;
  return measuring.context.measureText(text);
}

/* Gives the chart of an element once it is drawn, to all that ask for it in their order; no page removes a chart. */
const drawn_charts = {};
function drawn_chart(id) {
  return (drawn_charts[id] ??= new Promise((give) => {
    const look = setInterval(() => {
      const chart = getElement(id)?.chart;
      if (!chart) return;
      clearInterval(look);
      give(chart);
    }, 20);
  }));
}

/* Hides a chart's tooltip that a change has shown again after the pointer left, as ECharts does now and then. */
function hide_tooltip(chart) {
  setTimeout(() => {
    if (!chart.getDom().matches(":hover")) chart.dispatchAction({ type: "hideTip" });
  });
}

/* Gives the focus back to a header of a table: NiceGUI makes the whole header again at each change of rows. */
const sorting = { button: null, table: null };
document.addEventListener("focusin", ({ target }) => {
  sorting.button = target.matches(".sort") ? target : null;
  sorting.table = target.closest(".records");
});
document.addEventListener("focusout", ({ target }) => {
  // Browsers say so before they remove what had the focus, too; then it is still in the document for a moment.
  setTimeout(() => {
    if (sorting.button === target && target.isConnected) sorting.button = null;
  });
});
new MutationObserver(() => {
  const { button, table } = sorting;
  if (button && !button.isConnected && document.activeElement === document.body) {
    table.querySelector(`[data-column="${button.dataset.column}"]`)?.focus();
  }
}).observe(document.documentElement, { childList: true, subtree: true });
