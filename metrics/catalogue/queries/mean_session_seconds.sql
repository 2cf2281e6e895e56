-- Mean length of a session
--
-- How long is a session on average, in seconds?
--
-- The mean over all sessions, to the millisecond; without sessions it is null.

SELECT round(avg(extract(epoch FROM end_at - start_at)), 3) AS mean_session_s
FROM stream
