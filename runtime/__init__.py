"""What every process needs to start: settings, logs, metrics, the Temporal client, embedded services. No business."""
