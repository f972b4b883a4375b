"""Fine-tuning modes: which weights of a task are trained, and on which inputs."""
