/* The page's charts in the browser: changes, zoom by mouse and by keys, labels and tooltips. */
const charts = {
  /* Replaces all rows from from_ms on, and removes those before begin_ms. */
  async change(id, from_ms, rows, begin_ms, end_ms, areas, breaks, has_days) {
    const chart = await drawn_chart(id);
    charts.prepare(chart);
    const [{ source }] = chart.getOption().dataset;
    const before = source.filter(([at]) => begin_ms <= at && at < from_ms);
    chart.setOption({
      dataset: { source: [...before, ...rows] },
      xAxis: { min: begin_ms, max: end_ms, breaks, axisLabel: { formatter: has_days ? charts.day_and_time : charts.time } },
      series: [{ markArea: { data: areas } }],
    });
    hide_tooltip(chart);
  },

  /* Lets a part of the chart be chosen with the mouse; fingers scroll the page. A double click ends the choice. */
  prepare(chart) {
    if (chart.is_prepared) return;
    chart.is_prepared = true;
    chart.getZr().on("dblclick", () => emitEvent("zoom", null));
    chart.getDom().closest("[role=img]").addEventListener("keydown", (event) => charts.key(chart, event));
    if (!matchMedia("(pointer: fine)").matches) return;
    chart.on("brushEnd", ({ areas }) => {
      if (!areas.length) return;
      chart.dispatchAction({ type: "brush", areas: [] });
      emitEvent("zoom", areas[0].coordRange);
    });
    chart.dispatchAction({ type: "takeGlobalCursor", key: "brush", brushOption: { brushType: "lineX", brushMode: "single" } });
  },

  /* Zooms and moves by keys: how long the range becomes, and how far its middle moves, in lengths of it. */
  keys: { "+": [0.5, 0], "-": [2, 0], ArrowLeft: [1, -0.5], ArrowRight: [1, 0.5] },

  key(chart, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") emitEvent("zoom", null);
    if (!charts.keys[event.key]) return;
    event.preventDefault();
    // The axis may be shorter than the range, whose first and last windows may be cut.
    const query = new URLSearchParams(location.search);
    const zoom = ["from", "to"].map((name) => (query.has(name) ? query.get(name) * 1000 : NaN));
    const [{ min, max }] = chart.getOption().xAxis;
    const [begin, end] = zoom.some(isNaN) ? [min, max] : zoom;
    const [factor, shift] = charts.keys[event.key];
    // Nothing is there to be seen, or all of it takes less than half of the range already.
    if (min >= max || (factor > 1 && max - min < (end - begin) / 2)) return;
    const first = begin + (end - begin) * (0.5 + shift - factor / 2);
    emitEvent("zoom", [first, first + (end - begin) * factor, event.key]);
  },

  time(ms) {
    const text = new Date(ms).toISOString();
    return ms % 60000 ? text.slice(11, 19) : text.slice(11, 16);
  },

  day_and_time(ms) {
    return `${charts.time(ms)}\n${new Date(ms).toISOString().slice(5, 10)}`;
  },

  /* Describes the step under the pointer. */
  tooltip(points, unit, size_s) {
    const row = points[0]?.value;
    if (!row || row[1] === null) return "";
    const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 3 });
    const time = (ms) => new Date(ms).toISOString().slice(11, 19);
    const [, mean, average, least, most, frames, start_ms, end_ms] = row;
    const is_one = end_ms - start_ms === size_s * 1000;
    const lines = [`<b>${is_one ? "" : "mean "}${number(mean)} ${unit}${mean === 1 ? "" : "s"}</b>`];
    if (!is_one) lines.push(`${number(least)} to ${number(most)}`);
    if (!is_one || frames !== mean) lines.push(`${number(frames)} frames`);
    lines.push(`average so far ${number(average)}`);
    lines.push(`${new Date(start_ms).toISOString().slice(0, 10)} ${time(start_ms)} to ${time(end_ms)} UTC`);
    return lines.join("<br>");
  },
};
/* The back and forward buttons; the server pushes addresses. */
window.addEventListener("popstate", () => emitEvent("address", location.search));
