-- Writes the frames that are invalid into the dead letter topic, with the reason, as the application does.
-- The job has no state, so it knows no event time: late frames, and those that the future guard rejects by the frames
-- after them, are no dead letters here. A frame is in the future if it is far ahead of its own Kafka timestamp.

SET 'pipeline.name' = '${name}';
SET 'parallelism.default' = '${parallelism}';
SET 'execution.checkpointing.interval' = '${checkpoint_s} s';
SET 'table.local-time-zone' = 'UTC';

CREATE TEMPORARY TABLE records (
  `key` BYTES,
  frame BYTES,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  written_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'topic' = '${input_topic}',
  ${connection},
  'properties.group.id' = '${name}',
  'properties.isolation.level' = 'read_committed',
  ${bounds},
  'key.format' = 'raw',
  'key.fields' = 'key',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY'
);

-- Decoded once, without a byte order mark: an expression of a view is computed wherever it is used, UNNEST only once.
CREATE TEMPORARY VIEW decoded AS
SELECT records.*, text FROM records CROSS JOIN UNNEST(ARRAY[
  CASE WHEN DECODE(frame, 'UTF-8') LIKE U&'\FEFF%' THEN SUBSTRING(DECODE(frame, 'UTF-8') FROM 2)
    ELSE DECODE(frame, 'UTF-8') END
]) AS decoding(text);

-- As [{"ts":…,"uid":…}]. In an array of one, text behind the root object is an error; alone, it would be ignored.
CREATE TEMPORARY VIEW read_once AS
SELECT decoded.*, found,
  text LIKE U&'%\FFFD%' AND ENCODE(DECODE(frame, 'UTF-8'), 'UTF-8') <> frame AS is_not_utf8
FROM decoded CROSS JOIN UNNEST(ARRAY[
  JSON_QUERY(CONCAT('[', text, ']'), 'lax $$[*]["ts","uid"]' NULL ON EMPTY NULL ON ERROR)
]) AS reading(found);

-- A number that is not written as a whole one is a double.
CREATE TEMPORARY VIEW timed AS
SELECT read_once.*, ts FROM read_once CROSS JOIN UNNEST(ARRAY[
  COALESCE(
    TRY_CAST(REGEXP_EXTRACT(found, '^[\[][{]"ts":"?(-?[0-9]+)[",}]', 1) AS BIGINT),
    CAST(FLOOR(TRY_CAST(REGEXP_EXTRACT(found, '^[\[][{]"ts":"?(${number})[",}]', 1) AS DOUBLE)) AS BIGINT))
]) AS timing(ts);

-- Nearly every frame is valid, so one expression sorts it out.
CREATE TEMPORARY VIEW invalid AS
SELECT * FROM timed
WHERE found IS NULL OR is_not_utf8
  OR NOT REGEXP(found, '^[\[][{]"ts":("${number}"|${number}),"uid":"[^"]')
  OR REGEXP(found, '(?<![\\])"[}],[{]')
  OR NOT REGEXP(text, '[}]\s*$$')
  OR ts IS NULL OR ts NOT BETWEEN 0 AND ${last_second} OR ts > EXTRACT(EPOCH FROM written_at) + ${future_limit_s};

CREATE TEMPORARY VIEW judged AS
SELECT *, CASE
    WHEN text IS NULL OR REGEXP(text, '^[ \t\n\r]*$$') THEN 'empty'
    WHEN is_not_utf8 OR text IS NOT JSON OR CONCAT('[', text, ']') IS NOT JSON THEN 'not_json'
    WHEN NOT REGEXP(text, '^[ \t\n\r]*[{]') THEN 'not_an_object'
    WHEN NOT REGEXP(text, '[}]\s*$$') OR REGEXP(found, '(?<![\\])"[}],[{]') THEN 'not_json'
    WHEN found NOT LIKE '[{"ts":%' THEN 'no_ts'
    WHEN NOT REGEXP(found, '^[\[][{]"ts":("${number}"|${number})[,}]') THEN 'wrong_ts'
    WHEN ts IS NULL OR ts NOT BETWEEN 0 AND ${last_second} THEN 'ts_out_of_range'
    WHEN NOT REGEXP(found, '^[\[][{]"ts":[^,]*,"uid":') THEN 'no_uid'
    WHEN REGEXP(found, '^[\[][{]"ts":[^,]*,"uid":""') THEN 'empty_uid'
    WHEN NOT REGEXP(found, '^[\[][{]"ts":[^,]*,"uid":"') THEN 'wrong_uid'
    ELSE 'future' END AS reason,
  COALESCE(JSON_QUERY(text, 'lax $$.ts' WITH UNCONDITIONAL ARRAY WRAPPER), '[null]') AS ts_found,
  COALESCE(JSON_QUERY(text, 'lax $$.uid' WITH UNCONDITIONAL ARRAY WRAPPER), '[null]') AS uid_found
FROM invalid;

-- What the detail shows, cut to 60 characters, as by the application.
CREATE TEMPORARY VIEW shown AS
SELECT *, CASE WHEN CHAR_LENGTH(part) > 60 THEN CONCAT(SUBSTRING(part FROM 1 FOR 59), '…') ELSE part END AS shown_part
FROM (
  SELECT *, CASE
    WHEN reason IN ('wrong_ts', 'ts_out_of_range') THEN SUBSTRING(ts_found FROM 2 FOR CHAR_LENGTH(ts_found) - 2)
    WHEN reason = 'wrong_uid' THEN SUBSTRING(uid_found FROM 2 FOR CHAR_LENGTH(uid_found) - 2)
    ELSE REGEXP_REPLACE(text, '^[ \t\n\r]+|[ \t\n\r]+$$', '') END AS part
  FROM judged
);

CREATE TEMPORARY VIEW explained AS
SELECT *, CASE reason
    WHEN 'empty' THEN
      CASE WHEN frame IS NULL OR DECODE(frame, 'UTF-8') = '' THEN 'the record has no value' ELSE 'the value is only white space' END
    WHEN 'not_json' THEN CASE WHEN is_not_utf8 THEN 'invalid UTF-8' ELSE 'malformed' END
    WHEN 'not_an_object' THEN CONCAT('the root is ', shown_part, ', expected an object')
    WHEN 'no_ts' THEN 'the root object has no ts'
    WHEN 'wrong_ts' THEN CONCAT('ts is ', shown_part, ', expected seconds since the epoch')
    WHEN 'ts_out_of_range' THEN CONCAT('ts is ', shown_part, ', outside the years 1970 to 9999',
      CASE CHAR_LENGTH(REGEXP_EXTRACT(part, '^"?0*([1-9][0-9]*)"?$$', 1))
        WHEN 13 THEN ': it looks like milliseconds, expected seconds: TS_FORMAT=milliseconds'
        WHEN 16 THEN ': it looks like microseconds, expected seconds: TS_FORMAT=microseconds'
        WHEN 19 THEN ': it looks like nanoseconds, expected seconds'
        ELSE '' END)
    WHEN 'no_uid' THEN 'the root object has no uid'
    WHEN 'wrong_uid' THEN CONCAT('uid is ', shown_part, ', expected a string')
    WHEN 'empty_uid' THEN 'uid is an empty string'
    ELSE CONCAT('ts is ', CAST(ts - EXTRACT(EPOCH FROM written_at) AS STRING), ' s after the Kafka timestamp')
  END AS detail
FROM shown;

CREATE TEMPORARY TABLE rejected_out (
  `key` BYTES,
  frame BYTES,
  written_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  headers MAP<STRING, BYTES> METADATA
) WITH (
  'connector' = 'kafka',
  'topic' = '${topic}',
  ${connection},
  'key.format' = 'raw',
  'key.fields' = 'key',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.transactional-id-prefix' = '${name}',
  ${sink},
  -- The topic has a limit of its own for the size of a record.
  'properties.max.request.size' = '${record_bytes}'
);

INSERT INTO rejected_out
SELECT `key`, frame, GREATEST(written_at, TO_TIMESTAMP_LTZ(1, 3)), MAP_UNION(
  MAP[
    'reason', ENCODE(reason, 'UTF-8'),
    'detail', ENCODE(detail, 'UTF-8'),
    'topic', ENCODE('${input_topic}', 'UTF-8'),
    'partition', ENCODE(CAST(`partition` AS STRING), 'UTF-8'),
    'offset', ENCODE(CAST(`offset` AS STRING), 'UTF-8')
  ],
  CASE WHEN reason = 'future' THEN MAP['ts', ENCODE(CAST(ts AS STRING), 'UTF-8')]
    ELSE MAP['reason', ENCODE(reason, 'UTF-8')] END
)
FROM explained;
