"""Functions the model may call: registry, runner, built-ins."""
