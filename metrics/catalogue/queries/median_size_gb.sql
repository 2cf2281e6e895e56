-- Median size of a session
--
-- What is the median size of a session, in gigabytes?
--
-- A gigabyte has 1,000 megabytes. If the number of sessions is even, it is the mean of the two in the middle, computed
-- in decimals, not in binary, and rounded to 6 of them; without sessions it is null.

SELECT round(avg(size_mb::text::numeric) / 1000, 6) AS median_size_gb
FROM (
    SELECT size_mb
    FROM stream
    ORDER BY size_mb
    OFFSET (SELECT greatest(count(*) - 1, 0) / 2 FROM stream)
    LIMIT (SELECT 2 - count(*) % 2 FROM stream)
) AS middle
