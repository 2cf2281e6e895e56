/* The page's chart in the browser: changes, and tooltips. */
const trends = {
  /* Keeps some rows, and adds others after them. */
  async change(id, labels, unit, [number, of], keep_from, keep, rows) {
    const chart = await drawn_chart(id);
    const [{ source }] = chart.getOption().dataset;
    const interval = (_, start) => trends.has_tick(start, number, of, labels);
    chart.setOption({
      dataset: { source: [...source.slice(keep_from, keep_from + keep), ...rows] },
      tooltip: { formatter: (points) => trends.tooltip(points, labels) },
      xAxis: [{}, { axisTick: { interval }, axisLabel: { interval, formatter: (start) => trends.label(start, labels) } }],
      yAxis: [{ name: unit }],
    });
    hide_tooltip(chart);
  },

  /* Labels a row by its start in the chosen time zone, as RFC 3339. */
  label(start, labels) {
    const date = start.slice(5, 10), time = start.slice(11, 16);
    return { date: start.slice(0, 10), time, both: `${time}\n${date}` }[labels];
  },

  /* Whether a row has a tick: at multiples of some minutes since midnight, days since a Monday, or months of a year. */
  has_tick(start, number, unit, labels) {
    const minute = start.slice(11, 13) * 60 + +start.slice(14, 16);
    if (unit === "minute") return minute % number === 0;
    if (labels !== "date" && minute) return false; // of days, some begin after midnight
    const [year, month, day] = start.slice(0, 10).split("-").map(Number);
    if (unit === "day") return (Date.UTC(year, month - 1, day) / 864e5 + 3) % number === 0;
    return day === 1 && (12 * year + month - 1) % number === 0;
  },

  /* Shortens a number of an axis, so that all axes are equally wide. */
  short(value) {
    return value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 2 });
  },

  /* Scrolls to an element that is not in view, as below the list on a phone. */
  reveal(id) {
    const element = getHtmlElement(id);
    const { top } = element.getBoundingClientRect();
    if (top < 0 || top > innerHeight * 0.7) element.scrollIntoView();
  },

  /* Describes the row under the pointer. */
  tooltip(points, labels) {
    const row = points[0]?.value;
    if (!row) return "";
    const [start, , starts, stops, ends, seconds] = row;
    const number = (value) => value.toLocaleString("en");
    const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
    const hours = Math.floor(seconds / 3600), minutes = Math.floor((seconds % 3600) / 60);
    const parts = [[hours, "h"], [minutes, "min"], [seconds % 60, "s"]].filter(([value]) => value);
    const time = parts.map(([value, unit]) => `${number(value)} ${unit}`).join(" ") || "0 s";
    const from = start.replace("T", " ").replace(/:00(Z|[+-])/, " $1").replace("Z", "UTC");
    const when = labels === "date" ? `on ${start.slice(0, 10)}` : `from ${from}`;
    return `<b>${time} viewed</b><br>${count(starts, "start")}, ${count(stops, "stop")}, ${count(ends, "end")}<br>${when}`;
  },
};

/* The back and forward buttons; the server pushes addresses. */
window.addEventListener("popstate", () => emitEvent("address", location.search));
/* While the page is hidden, it asks for nothing. */
document.addEventListener("visibilitychange", () => emitEvent("visibility", !document.hidden));
