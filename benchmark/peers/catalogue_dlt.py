"""dlt: a pipeline to PostgreSQL with the write disposition `merge` by the key of a session."""

import dlt

from benchmark.peers import sessions

KEY = ["start_at", "user_email", "movie_title"]


def main() -> None:
    """Load the file."""
    # dlt insists on a password and a host; the folder of the socket, in the query, takes the place of the latter.
    url = sessions.url("postgresql").replace("@", ":none@localhost", 1)
    destination = dlt.destinations.postgres(url)
    pipeline = dlt.pipeline("benchmark", destination=destination, dataset_name="benchmark")
    stream = dlt.resource(sessions.rows(), name="stream", primary_key=KEY, write_disposition="merge")
    pipeline.run(stream).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
