"""The log file of a program in Java: Log4j's settings for it."""

from pathlib import Path

_FILE = "log4j2.xml"
_TEXT = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="error">
  <Appenders>
    <RollingFile name="log" fileName="${sys:log.file}" filePattern="${sys:log.file}.%i">
      <PatternLayout pattern="%d{ISO8601} %p %m (%c)%n"/>
      <SizeBasedTriggeringPolicy size="10 MB"/>
      <DefaultRolloverStrategy max="1"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="info"><AppenderRef ref="log"/></Root>
    <Logger name="org.apache.kafka.common.config.AbstractConfig" level="warn"/>
    <Logger name="org.apache.flink.kafka.shaded.org.apache.kafka.common.config.AbstractConfig" level="warn"/>
  </Loggers>
</Configuration>
"""


def write(folder: Path) -> None:
    """Write the configuration that the programs in a folder read.

    Raises:
        OSError: the folder cannot be written.
    """
    (folder / _FILE).write_text(_TEXT)


def options(log: str) -> tuple[str, str]:
    """Return Java's options for a log file, which is relative to the working folder; ten MB later, it is `LOG.1`."""
    return f"-Dlog4j2.configurationFile={_FILE}", f"-Dlog.file={log}"
