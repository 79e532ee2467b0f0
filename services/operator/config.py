"""Settings of the operator's command: WARDENRY_OPERATOR_<FIELD>, beside those that every service has."""

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from libs.config.settings import PREFIX, ExistingFile, Settings, SettingsInvalid, variable_of

#: Where the local stack keeps its things, unless WARDENRY_HOME says otherwise; and what it writes there for us.
LOCAL_HOME = ".wardenry"
LOCAL_FILE = "operator.env"
_HOME = "WARDENRY_HOME"


class NothingRuns(Exception):
    """The environment names no deployment, and no local stack runs. The text is one line that says what to do."""


class OperatorSettings(Settings):
    service: ClassVar[str] = "operator"

    #: Authority of the gateway's certificate, PEM; without it, those that this machine trusts.
    edge_ca_file: ExistingFile | None = None


#: Whoever sets it names a deployment.
_CERTIFICATE = variable_of(OperatorSettings, "tls_cert_file")


def environment_of(process: Mapping[str, str]) -> Mapping[str, str]:
    """The environment that names the deployment: the process's own, or, when that holds no certificate for us, what
    the local stack wrote in its home, under those of the process's variables that are ours.

    Raises NothingRuns, SettingsInvalid.
    """
    file = local_file(process)
    if file is None:
        return process
    try:
        local = _variables(file, named=bool(process.get(_HOME)))
    except FileNotFoundError:
        raise NothingRuns(
            f"Nothing runs in {file.parent}: start it with make run, set {_HOME} where it runs elsewhere, or set "
            f"{_CERTIFICATE} and the rest for another deployment."
        ) from None
    except OSError as error:
        raise SettingsInvalid(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{file} cannot be read: it is not UTF-8.") from None
    # Others are meant for the stack, which has checked them.
    ours = {variable_of(OperatorSettings, field) for field in OperatorSettings.model_fields}
    return local | {name: value for name, value in process.items() if name in ours and value}


def local_file(process: Mapping[str, str]) -> Path | None:
    """Where the local stack writes our settings; None when the process's own environment holds a certificate for us."""
    if process.get(_CERTIFICATE):
        return None
    return Path(process.get(_HOME) or LOCAL_HOME).expanduser() / LOCAL_FILE


def _variables(file: Path, *, named: bool) -> dict[str, str]:
    """NAME=value on each line, quoted as for a shell. Raises OSError, SettingsInvalid."""
    with file.open(encoding="utf-8") as opened:
        if not named:
            _check_ours(file, os.fstat(opened.fileno()))
        text = opened.read()
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = [""]
        for word in words:
            name, separator, value = word.partition("=")
            if not separator or not name.startswith(PREFIX):
                raise SettingsInvalid(f"{file}, line {number}: expected {PREFIX}<NAME>=<value>.")
            values[name] = value
    return values


def _check_ours(file: Path, seen: os.stat_result) -> None:
    """Nobody named the directory: it is where we happen to be. There, somebody else could have put a file that has us
    trust their deployment. Raises SettingsInvalid."""
    if seen.st_uid != os.geteuid() or seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SettingsInvalid(f"{file.absolute()} is not yours alone: set {_HOME} to its directory if you trust it.")
