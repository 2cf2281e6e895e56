-- View events that were counted, what they add up to, and how far the topic was read.
-- View time is counted in waypoints of 30 s, so that sums are exact integers.
-- The fill factors leave room for the next version of a row on its own page, without a new index entry (HOT).

CREATE TABLE consumed (
    cluster_id text NOT NULL,
    topic text NOT NULL,
    topic_id text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,         -- of the first record that is not counted
    instance jsonb,                      -- in the row of partition 0: the instance that committed last
    PRIMARY KEY (cluster_id, topic, topic_id, partition)
);

-- read = counted + duplicates + invalid
CREATE TABLE counts (
    partition int PRIMARY KEY,
    read bigint NOT NULL,
    counted bigint NOT NULL,
    duplicates bigint NOT NULL,
    invalid bigint NOT NULL,
    users bigint NOT NULL,               -- with a counted event; each counts in the partition of the first one
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE TABLE seen (
    id uuid PRIMARY KEY,                 -- the first 128 bits of a hash of EventId
    partition smallint NOT NULL          -- of the event that was counted; of those with this id, its first
);

CREATE TABLE invalid (
    topic_id text NOT NULL,
    partition int NOT NULL,
    record_offset bigint NOT NULL,
    reasons text[] NOT NULL,
    PRIMARY KEY (topic_id, partition, record_offset)
);

-- Users with a counted event, viewers or not; the name is older than this distinction.
CREATE TABLE viewer (
    user_id bigint PRIMARY KEY
);

CREATE TABLE media (
    media_id bigint PRIMARY KEY,
    waypoints bigint NOT NULL,
    starts bigint NOT NULL,
    stops bigint NOT NULL,
    ends bigint NOT NULL,
    viewers bigint NOT NULL,             -- rows in user_media
    sum_sq numeric NOT NULL              -- of the waypoints of each of them
) WITH (fillfactor = 50);

-- Only those with a waypoint.
CREATE TABLE user_media (
    user_id bigint NOT NULL,
    media_id bigint NOT NULL,
    waypoints bigint NOT NULL,
    PRIMARY KEY (user_id, media_id)
) WITH (fillfactor = 80);
CREATE INDEX user_media_of_media ON user_media (media_id, user_id);

-- Quarter hours, since hours and days begin at one in every time zone of today.
CREATE TABLE media_quarter (
    media_id bigint NOT NULL,
    start_at timestamptz NOT NULL,
    waypoints bigint NOT NULL,
    starts bigint NOT NULL,
    stops bigint NOT NULL,
    ends bigint NOT NULL,
    PRIMARY KEY (media_id, start_at)
) WITH (fillfactor = 80);

-- The time is first in its key: events of now go to one end of the index, and the oldest rows are deleted at the other.
CREATE TABLE media_minute (
    media_id bigint NOT NULL,
    start_at timestamptz NOT NULL,
    waypoints bigint NOT NULL,
    starts bigint NOT NULL,
    stops bigint NOT NULL,
    ends bigint NOT NULL,
    PRIMARY KEY (start_at, media_id)
) WITH (fillfactor = 80);

-- Of all media together.
CREATE TABLE quarter (
    start_at timestamptz PRIMARY KEY,
    waypoints bigint NOT NULL,
    starts bigint NOT NULL,
    stops bigint NOT NULL,
    ends bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE minute (LIKE quarter INCLUDING ALL) WITH (fillfactor = 50);

-- Rows of minutes before this time do not count: none are added, and a few are deleted in each transaction.
CREATE TABLE minutes_kept (
    since timestamptz NOT NULL
);
CREATE UNIQUE INDEX one_row ON minutes_kept ((true));
INSERT INTO minutes_kept VALUES ('epoch');
