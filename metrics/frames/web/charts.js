/* What the page's charts do in the browser: they take in what is new, and tell what is under the pointer. */
const charts = {
  /* Rows take the place of all that are not before from_ms; what lies before the chart's beginning leaves. */
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

  /* The window under the pointer, in words. */
  told(points, unit, size_s) {
    const row = points[0]?.value;
    if (!row || row[1] === null) return "";
    const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 3 });
    const time = (ms) => new Date(ms).toISOString().slice(11, 19);
    const [, count, average, frames, start_ms] = row;
    const lines = [`<b>${number(count)} ${unit}${count === 1 ? "" : "s"}</b>`];
    if (frames !== count) lines.push(`${number(frames)} frames`);
    lines.push(`${number(average)} on average so far`);
    lines.push(`${new Date(start_ms).toISOString().slice(0, 10)} ${time(start_ms)} to ${time(start_ms + size_s * 1000)} UTC`);
    return lines.join("<br>");
  },
};
