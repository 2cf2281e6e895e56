"""The log of a program in Java: one file by Log4j 2, with one older one."""

FILE = "log4j2.xml"
OPTION = f"-Dlog4j2.configurationFile={FILE}"

_CONFIGURATION = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="error">
  <Appenders>
    <RollingFile name="log" fileName="{log}" filePattern="{log}.%i">
      <PatternLayout pattern="%d{{ISO8601}} %p %m (%c)%n"/>
      <SizeBasedTriggeringPolicy size="10 MB"/>
      <DefaultRolloverStrategy max="1"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="info"><AppenderRef ref="log"/></Root>
    <Logger name="{quiet}" level="warn"/>
  </Loggers>
</Configuration>
"""


def configuration(log: str, quiet: str) -> str:
    """Return the content of FILE, which OPTION names to Java.

    Args:
        log: the log file, relative to the working folder; `${sys:name}` is a property of Java.
        quiet: a logger that reports warnings only.
    """
    return _CONFIGURATION.format(log=log, quiet=quiet)
