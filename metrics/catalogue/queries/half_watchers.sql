-- Users who watched at least half of a movie in a period
--
-- How many users watched at least half of any movie in [from, to)?
--
-- Only the part of a session inside the period counts. Each session counts by itself: two quarters are not a half.
-- Movies that are not in the catalogue are left out, because their length is unknown. A user counts once, by the email
-- without case. The default is the last week of December 2021, 7 days.
--
-- -p from=2021-12-25T00:00:00+01:00    start of the period
-- -p to=2022-01-01T00:00:00+01:00      end of the period, not part of it

SELECT count(DISTINCT lower(stream.user_email)) AS users
FROM stream
JOIN movie ON lower(movie.title) = lower(stream.movie_title)
WHERE
    stream.start_at < :to::timestamptz
    AND stream.end_at > :from::timestamptz
    AND extract(epoch FROM least(stream.end_at, :to) - greatest(stream.start_at, :from)) >= movie.duration_mins * 30
