-- Movies streamed in a month, based on books by authors of a nationality
--
-- How many movies that were streamed in a month are based on a book by an author of a nationality?
--
-- Movies, books and authors that are not in the catalogue do not count. A movie was streamed in a month if a session of
-- it was in progress at any moment of the month, and is based on a book if a review names both. Names compare without
-- case. The month begins and ends at midnight in UTC, or in the time zone that is asked for.
--
-- -p nationality=singaporeans    nationality of the author, as the vendor writes it
-- -p month=2021-12               year and month

WITH month AS (
    SELECT
        first_day::timestamptz AS starts,
        (first_day + interval '1 month')::timestamptz AS ends
    FROM (SELECT make_date(split_part(:month, '-', 1)::int, split_part(:month, '-', 2)::int, 1)) AS asked (first_day)
),
based AS (
    SELECT lower(review.movie_title) AS title
    FROM author
    JOIN book ON lower(book.author) = lower(author.name)
    JOIN review ON lower(review.book_title) = lower(book.title)
    WHERE lower(author.nationality) = lower(:nationality)
)
SELECT count(*) AS movies
FROM movie
WHERE
    lower(title) IN (SELECT title FROM based)
    AND lower(title) IN (
        SELECT lower(movie_title)
        FROM stream
        WHERE
            start_at < (SELECT ends FROM month)
            AND (end_at > (SELECT starts FROM month) OR start_at >= (SELECT starts FROM month))
    )
