"""What each allowed lateness costs and gains, measured on frames of the past."""
