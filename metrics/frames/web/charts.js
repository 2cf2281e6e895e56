/* The page's charts in the browser: changes, and tooltips. */
const charts = {
  /* Replaces all rows from from_ms on, and removes those before begin_ms. */
  change(id, from_ms, rows, begin_ms, end_ms, areas) {
    const chart = getElement(id)?.chart;
    if (!chart) {
      setTimeout(() => charts.change(id, from_ms, rows, begin_ms, end_ms, areas), 50);
      return;
    }
    const [{ source }] = chart.getOption().dataset;
    const before = source.filter(([at]) => begin_ms <= at && at < from_ms);
    chart.setOption({
      dataset: { source: [...before, ...rows] },
      xAxis: { min: begin_ms, max: end_ms },
      series: [{ markArea: { data: areas } }],
    });
  },

  /* Describes the window under the pointer. */
  tooltip(points, unit, size_s) {
    const row = points[0]?.value;
    if (!row || row[1] === null) return "";
    const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 3 });
    const time = (ms) => new Date(ms).toISOString().slice(11, 19);
    const [, count, average, frames, start_ms] = row;
    const lines = [`<b>${number(count)} ${unit}${count === 1 ? "" : "s"}</b>`];
    if (frames !== count) lines.push(`${number(frames)} frames`);
    lines.push(`running average ${number(average)}`);
    lines.push(`${new Date(start_ms).toISOString().slice(0, 10)} ${time(start_ms)} to ${time(start_ms + size_s * 1000)} UTC`);
    return lines.join("<br>");
  },
};
