-- Counts frames on Apache Flink as the application does: the same input topic, the same records.
-- The application fills in its settings; of window.sql, there is a copy for each window size.

SET 'pipeline.name' = '${name}';
-- Never more than the input has partitions: a task without one has no event time, and keeps every window open.
SET 'parallelism.default' = '${parallelism}';
SET 'execution.checkpointing.interval' = '${checkpoint_s} s';
SET 'table.local-time-zone' = 'UTC';
-- By wall time, a busy machine would drop frames that only had to wait; so a partition without frames holds windows open.
SET 'table.exec.source.idle-timeout' = '0 s';
-- The users of a window are counted in some 2,000 parts, by the hash of the user, which all tasks share, and then added up.
SET 'table.optimizer.distinct-agg.split.enabled' = 'true';

CREATE TEMPORARY TABLE frames (
  ${columns},
  kafka_partition INT METADATA FROM 'partition' VIRTUAL,
  kafka_timestamp TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  -- In whole seconds; null if the record is no frame, or is far ahead of its Kafka timestamp.
  frame_time AS TO_TIMESTAMP_LTZ(${second}, 0),
  frame_arrival AS PROCTIME(),
  WATERMARK FOR frame_time AS frame_time - INTERVAL '${lateness}' DAY TO SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = '${input_topic}',
  ${connection},
  'properties.group.id' = '${progress_group}',
  'properties.isolation.level' = 'read_committed',
  -- As large as the system makes it: 64 kB, the default, take more reads.
  'properties.receive.buffer.bytes' = '-1',
  ${bounds},
  -- Until a new partition is found, event time passes its frames by, and they are late.
  'scan.topic-partition-discovery.interval' = '2 s',
  'scan.watermark.emit.strategy' = 'on-event',
  'scan.watermark.alignment.group' = 'frames',
  -- ALIGN_S, but 20 s at most: a partition that is ahead has users of more open minutes, all of them in each checkpoint.
  'scan.watermark.alignment.max-drift' = '${align_s} s',
  'scan.watermark.alignment.update-interval' = '200 ms',
  'format' = 'json',
  'json.ignore-parse-errors' = 'true'
);

-- A partition is read in order, by one task. A window takes frames until the partition's own event time, less the
-- allowed lateness, has passed its end. Flink computes an expression again wherever it is used: so frame_time alone is
-- sent to the task of the partition, and what follows from it is worked out there.
CREATE TEMPORARY VIEW judged AS
SELECT ${uid} AS uid, frame_time AS event_time,
  GREATEST(${newest}, EXTRACT(EPOCH FROM MAX(frame_time) OVER (
    PARTITION BY kafka_partition ORDER BY frame_arrival ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ))) - ${lateness_s} AS passed_s
FROM frames;
