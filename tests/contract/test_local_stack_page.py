"""The commands of the local stack's page work as they stand there, also where its home has a space."""

import os
import re
import shlex
import subprocess
import sys

from libs.db.schemas import ROOT

PAGE = ROOT / "docs" / "operations" / "local-stack.md"
CHECK = ".venv/bin/python -m services.audit.fsck"
SETTING = "WARDENRY_TLS_CA_FILE"
VALUE = "/home/with a space/and 'quotes' $HOME/ca.crt"


def test_the_logs_check_gets_the_settings_of_the_process_as_they_are() -> None:
    (line,) = re.findall(rf"^.*/proc/.*{re.escape(CHECK)}.*$", PAGE.read_text(), re.MULTILINE)
    shown = f'{shlex.quote(sys.executable)} -c "import os; print(os.environ[\\"{SETTING}\\"])"'
    assert line.count(CHECK) == line.count("<process of audit>") == 1
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env=dict(os.environ) | {SETTING: VALUE},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # its environment is its own from here on
        command = line.replace("<process of audit>", str(process.pid)).replace(CHECK, shown)
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
        process.kill()
    assert (done.returncode, done.stdout) == (0, f"{VALUE}\n"), done.stderr
