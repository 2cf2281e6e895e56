"""Programs in Java that run on this machine: their jars, and how they end with the process that started them."""
