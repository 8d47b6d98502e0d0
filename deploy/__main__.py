"""The servers that Marea needs: in containers where an engine runs, else as processes of this machine.

python -m deploy up|down|ps
"""

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local import __main__ as local
from deploy.local.minio import KEY, SECRET

COMPOSE = Path(__file__).resolve().parent / "compose"
SERVERS = ("kafka", "redis", "timescaledb", "influxdb", "s3")
ACTIONS = {
    "up": ("up", "--detach", "--wait", *SERVERS),
    "down": ("--profile", "*", "down"),
    "ps": ("--profile", "*", "ps"),
}
SECRETS = ("MAREA_POSTGRES_PASSWORD", "MAREA_S3_KEY", "MAREA_S3_SECRET", "MAREA_INFLUX_TOKEN")


def main() -> None:
    """Do one of the actions where servers can run here."""
    action = sys.argv[1] if len(sys.argv) == 2 else ""
    if action not in ACTIONS:
        sys.exit(f"'{' '.join(sys.argv[1:])}' is none of up, down, ps: give one of them")
    if not _has_engine():
        local.main()
        if action == "up":
            print(f"What the recorder needs: export MAREA_S3_KEY={KEY} MAREA_S3_SECRET={SECRET}")
        return
    file = _secrets_file()
    done = subprocess.run(
        ["docker", "compose", "--project-directory", COMPOSE, *ACTIONS[action]], check=False
    )
    if action == "up" and done.returncode == 0:
        print(f"What a service outside of containers needs: set -a; . {file}; set +a")
    sys.exit(done.returncode)


def _has_engine() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False)
    return asked.returncode == 0


def _secrets_file() -> Path:
    """The file that compose reads by itself; where there is none, one with secrets of chance."""
    file = COMPOSE / ".env"
    if not file.exists():
        drawn = [f"{name}={secrets.token_hex(16)}" for name in SECRETS]
        written = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(written, "w", encoding="utf-8") as lines:
            lines.write("\n".join([*drawn, "MAREA__INFLUX__VERSION=2"]) + "\n")
    return file


if __name__ == "__main__":
    main()
