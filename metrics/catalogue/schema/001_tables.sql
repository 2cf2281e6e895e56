-- The models, their loads, rejected records, and the history of rows.
-- Text keys compare without case: each key is a unique index on lower(…).

CREATE TABLE catalogue_load (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    collector text NOT NULL,
    source text NOT NULL,                -- never with credentials
    sha256 text,                         -- of the bytes as stored, compressed or not
    bytes bigint,
    columns text[],                      -- of a CSV file, in its order
    is_snapshot boolean NOT NULL DEFAULT false,
    as_of bigint,                        -- the load that rejected the records first, if they are tried again
    time_zone text,                      -- of times without an offset; null: these were rejected
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed', 'interrupted')),
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    read bigint NOT NULL DEFAULT 0,
    inserted bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    repeated bigint NOT NULL DEFAULT 0,  -- same key again in this load; the last one counts
    rejected bigint NOT NULL DEFAULT 0,
    gone bigint NOT NULL DEFAULT 0,
    returned bigint NOT NULL DEFAULT 0,  -- of those updated, those that were gone
    remarks jsonb NOT NULL DEFAULT '[]',
    error text,
    CONSTRAINT each_record_has_one_outcome
        CHECK (state <> 'done' OR read = inserted + updated + unchanged + repeated + rejected)
);
CREATE INDEX catalogue_load_of_model ON catalogue_load (model, id);

-- A load holds two advisory locks: of its model, so that a second load of the model waits, and of its own id,
-- which ends with its connection: a load without it that is still `running` was killed.
CREATE FUNCTION catalogue_lock(kind text) RETURNS int LANGUAGE sql STABLE AS $$
    SELECT hashtext(current_schema() || '.catalogue.' || kind)
$$;
CREATE FUNCTION catalogue_is_running(id bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 2 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid::bigint = catalogue_lock('load')::bigint & 4294967295
            AND objid::bigint = id & 4294967295
    )
$$;

CREATE TABLE movie (
    title text NOT NULL,
    duration_mins int NOT NULL CHECK (duration_mins > 0),
    original_language text NOT NULL,
    size_mb int NOT NULL CHECK (size_mb >= 0),
    first_load bigint NOT NULL,
    last_load bigint NOT NULL,
    gone_at timestamptz
);
CREATE UNIQUE INDEX movie_key ON movie (lower(title));

CREATE TABLE "user" (
    email text NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    first_load bigint NOT NULL,
    last_load bigint NOT NULL,
    gone_at timestamptz
);
CREATE UNIQUE INDEX user_key ON "user" (lower(email));

CREATE TABLE author (
    name text NOT NULL,
    birth_date date,
    died_at date,
    nationality text,
    first_load bigint NOT NULL,
    last_load bigint NOT NULL,
    gone_at timestamptz
);
CREATE UNIQUE INDEX author_key ON author (lower(name));

CREATE TABLE book (
    title text NOT NULL,
    pages int NOT NULL CHECK (pages >= 0),
    author text NOT NULL,
    publisher text NOT NULL,
    first_load bigint NOT NULL,
    last_load bigint NOT NULL,
    gone_at timestamptz
);
CREATE UNIQUE INDEX book_key ON book (lower(title));

CREATE TABLE stream (
    start_at timestamptz NOT NULL,
    user_email text NOT NULL,
    movie_title text NOT NULL,
    end_at timestamptz NOT NULL,
    size_mb double precision NOT NULL CHECK (size_mb >= 0 AND size_mb < 'Infinity'),
    first_load bigint NOT NULL,
    last_load bigint NOT NULL,
    gone_at timestamptz,
    CHECK (end_at >= start_at)
);
-- Time first: sessions arrive in that order, so inserts go to the end of the index. Not a PRIMARY KEY, which cannot
-- have lower(…); one beside it would cost half as much again as the whole insert (4.4 and 6.7 CPU s a million rows).
CREATE UNIQUE INDEX stream_key ON stream (start_at, lower(user_email), lower(movie_title));

CREATE TABLE review (
    created_at timestamptz NOT NULL,
    movie_title text NOT NULL,
    book_title text NOT NULL,
    rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
    text text NOT NULL,
    updated_at timestamptz NOT NULL,
    first_load bigint NOT NULL,
    last_load bigint NOT NULL,
    gone_at timestamptz
);
CREATE UNIQUE INDEX review_key ON review (created_at, lower(movie_title), lower(book_title));

-- first_load and last_load are ids of catalogue_load. A foreign key would more than double the time of a load (4.4 and
-- 11 CPU s a million rows).

CREATE INDEX movie_gone ON movie (gone_at) WHERE gone_at IS NOT NULL;
CREATE INDEX user_gone ON "user" (gone_at) WHERE gone_at IS NOT NULL;
CREATE INDEX author_gone ON author (gone_at) WHERE gone_at IS NOT NULL;
CREATE INDEX book_gone ON book (gone_at) WHERE gone_at IS NOT NULL;
CREATE INDEX stream_gone ON stream (gone_at) WHERE gone_at IS NOT NULL;
CREATE INDEX review_gone ON review (gone_at) WHERE gone_at IS NOT NULL;

CREATE TABLE catalogue_rejected (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_id bigint NOT NULL REFERENCES catalogue_load,
    position text NOT NULL,  -- where the record was: line 17, record 3, partition 0 offset 42
    reason text NOT NULL,
    detail text NOT NULL,    -- every wrong field, in words
    record text NOT NULL,    -- its own text
    -- Whether the text had what cannot be stored: then, \0 is a NUL, \xff a byte that is not UTF-8, and \\ a backslash.
    is_escaped boolean NOT NULL,
    retried_by bigint        -- the load that tried it again: what is still wrong was rejected by that
);
CREATE INDEX catalogue_rejected_of_load ON catalogue_rejected (load_id DESC, id);

CREATE TABLE catalogue_history (
    model text NOT NULL,
    load_id bigint NOT NULL,          -- the load that replaced the record
    replaced_at timestamptz NOT NULL DEFAULT now(),
    record jsonb NOT NULL             -- the row before
);
CREATE INDEX catalogue_history_of_load ON catalogue_history (model, load_id);

CREATE FUNCTION catalogue_keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalogue_history (model, load_id, record) VALUES (TG_TABLE_NAME, NEW.last_load, to_jsonb(OLD));
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_history BEFORE UPDATE ON movie FOR EACH ROW EXECUTE FUNCTION catalogue_keep_history();
CREATE TRIGGER keep_history BEFORE UPDATE ON "user" FOR EACH ROW EXECUTE FUNCTION catalogue_keep_history();
CREATE TRIGGER keep_history BEFORE UPDATE ON author FOR EACH ROW EXECUTE FUNCTION catalogue_keep_history();
CREATE TRIGGER keep_history BEFORE UPDATE ON book FOR EACH ROW EXECUTE FUNCTION catalogue_keep_history();
CREATE TRIGGER keep_history BEFORE UPDATE ON stream FOR EACH ROW EXECUTE FUNCTION catalogue_keep_history();
CREATE TRIGGER keep_history BEFORE UPDATE ON review FOR EACH ROW EXECUTE FUNCTION catalogue_keep_history();

-- How far each partition of a topic has been loaded: offsets change in the transaction that writes the rows. The ids of
-- the cluster and of the topic are part of the key, since a topic that was deleted and recreated begins at offset 0.
CREATE TABLE catalogue_offset (
    model text NOT NULL,
    cluster_id text NOT NULL,
    topic text NOT NULL,
    topic_id text NOT NULL,
    partition int NOT NULL,
    next_offset bigint NOT NULL,
    instance jsonb,                   -- the instance that committed last
    PRIMARY KEY (model, cluster_id, topic, topic_id, partition)
);
