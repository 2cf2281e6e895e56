-- ${plural}: windows of ${size_s} s, their records into ${topic}.

-- What is in a window that is still open; a record that is no frame has no time, and is in none.
CREATE TEMPORARY VIEW in_${plural} AS
SELECT event_time, uid FROM judged
WHERE EXTRACT(EPOCH FROM event_time) / ${size_s} >= GREATEST(passed_s, ${closed_through}) / ${size_s};

CREATE TEMPORARY VIEW ${plural}_counted AS
SELECT window_time AS event_time, EXTRACT(EPOCH FROM window_start) AS start_s, ${number} AS number, COUNT(*) AS frames
FROM TABLE(TUMBLE(TABLE in_${plural}, DESCRIPTOR(event_time), INTERVAL '${interval}' DAY TO SECOND))
GROUP BY window_start, window_end, window_time;

-- The length of the gap since the window before, of which there may be none.
CREATE TEMPORARY VIEW ${plural}_spaced AS
SELECT event_time, start_s, number, frames,
  start_s - COALESCE(LAG(start_s) OVER (ORDER BY event_time), ${last}) - ${size_s} AS gap_s
FROM ${plural}_counted;

CREATE TEMPORARY VIEW ${plural}_totalled AS
SELECT start_s, number, frames, gap_s,
  CASE WHEN gap_s BETWEEN 1 AND ${gap_limit_s} THEN gap_s / ${size_s} ELSE 0 END AS zero_rows,
  ${total} + SUM(number) OVER so_far AS total,
  ${windows} + SUM(CASE WHEN gap_s BETWEEN 1 AND ${gap_limit_s} THEN gap_s / ${size_s} + 1 ELSE 1 END) OVER so_far AS windows
FROM ${plural}_spaced
WINDOW so_far AS (ORDER BY event_time ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- A row for each record: those of a short gap, which count 0, then that of the window itself.
CREATE TEMPORARY VIEW ${plural}_rows AS
SELECT
  start_s - ${size_s} * (zero_rows + 1 - nth) AS start_s,
  CASE WHEN nth > zero_rows THEN number ELSE 0 END AS number,
  CASE WHEN nth > zero_rows THEN frames ELSE 0 END AS frames,
  CASE WHEN nth > zero_rows AND gap_s > ${gap_limit_s} THEN CONCAT(',"gap_s":', CAST(gap_s AS STRING)) ELSE '' END AS gap,
  CASE WHEN nth > zero_rows THEN total ELSE total - number END AS total,
  windows - zero_rows - 1 + nth AS windows
FROM ${plural}_totalled
CROSS JOIN UNNEST(SPLIT(CONCAT('0', REPEAT(',0', CAST(zero_rows AS INT))), ',')) WITH ORDINALITY AS row_of (nothing, nth);

-- The average to three decimals, as Python rounds a double: the even thousandth of a tie, which is halfway between two. The
-- double may be at a tie where the quotient is not, or beyond it. So it is compared with the tie above the thousandths that the
-- quotient has, exactly, for totals below 2^53: beyond, in half thousandths, sums two parts of the double of few enough digits.
-- 67108864 is 2^26. For example, 1 / 16 = 0.0625 has 62 whole thousandths, and its fraction is 125 half thousandths, as is the
-- tie above 62, 2 * 62 + 1: so beyond is 0, and 62 is even: 0.062. 3 / 16 = 0.1875 is such a tie, too, and 187 is odd: 0.188.
CREATE TEMPORARY VIEW ${plural}_divided AS
SELECT *,
  1000 * total / windows AS whole_thousandths,
  CAST(total AS DOUBLE) / CAST(windows AS DOUBLE) - CAST(total / windows AS DOUBLE) AS fraction
FROM ${plural}_rows;

CREATE TEMPORARY VIEW ${plural}_rounded AS
SELECT *,
  whole_thousandths + CASE WHEN beyond > 0 OR (beyond = 0 AND MOD(whole_thousandths, 2) = 1) THEN 1 ELSE 0 END AS thousandths
FROM (
  SELECT *,
    FLOOR(fraction * 67108864e0) / 67108864e0 * 2000e0 - CAST(MOD(2 * whole_thousandths + 1, 2000) AS DOUBLE)
      + (fraction - FLOOR(fraction * 67108864e0) / 67108864e0) * 2000e0 AS beyond
  FROM ${plural}_divided
);

CREATE TEMPORARY VIEW ${plural}_written AS
SELECT *,
  DATE_FORMAT(CAST(TO_TIMESTAMP_LTZ(start_s, 0) AS TIMESTAMP(0)), 'yyyy-MM-dd''T''HH:mm:ss''Z''') AS moment,
  CONCAT(CAST(thousandths / 1000 AS STRING), '.',
    REGEXP_REPLACE(LPAD(CAST(MOD(thousandths, 1000) AS STRING), 3, '0'), '(?<=.)0+$$', '')) AS average
FROM ${plural}_rounded;

CREATE TEMPORARY TABLE ${plural}_out (
  `key` STRING,
  record STRING,
  written_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
  'connector' = 'kafka',
  'topic' = '${topic}',
  ${connection},
  'key.format' = 'raw',
  'key.fields' = 'key',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.transactional-id-prefix' = '${name}-${plural}',
  ${sink}
);
