-- Users in a session of a movie during an outage
--
-- How many users were in a session of a movie at any moment of [from, to)?
--
-- A session includes its start, but not its end; one without length is in progress at its start. Sessions that began
-- before the interval and ended after it count, too. A user counts once, by the email without case.
--
-- -p movie=Unforgiven                  title of the movie, in any case
-- -p from=2021-12-25T07:00:00+01:00    start of the interval
-- -p to=2021-12-25T12:00:00+01:00      end of the interval, not part of it

SELECT count(DISTINCT lower(user_email)) AS users
FROM stream
WHERE
    lower(movie_title) = lower(:movie)
    AND :from::timestamptz < :to::timestamptz
    AND start_at < :to
    AND (end_at > :from OR start_at >= :from)
