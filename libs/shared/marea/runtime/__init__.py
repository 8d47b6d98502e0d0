"""The one loop, and what it stands on: settings, snapshots, errors, telemetry."""
