-- Share of streamed movies that are based on books
--
-- What share of the movies that were ever streamed is based on a book?
--
-- Movies that are not in the catalogue do not count. A movie is based on a book if a review names both, even if the book
-- is not in the catalogue. Titles compare without case. The share is rounded to 4 decimals; if nothing was streamed, it
-- is null.

WITH based AS (
    SELECT DISTINCT lower(movie_title) AS title
    FROM review
),
streamed AS (
    SELECT lower(title) AS title
    FROM movie
    WHERE lower(title) IN (SELECT lower(movie_title) FROM stream)
)
SELECT
    count(*) AS streamed_movies,
    count(based.title) AS based_on_books,
    round(count(based.title)::numeric / nullif(count(*), 0), 4) AS share
FROM streamed
LEFT JOIN based USING (title)
