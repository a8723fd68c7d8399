"""Which processes are workers."""

import psutil


def command_of(process):
    """Return the command line of a process; an empty one where it has just gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def servers_of(process):
    """Return the server, if any, from which a process has its workers forked."""
    return [c for c in process.children() if "fork_server" in command_of(c)]


def workers_of(process):
    """Return the workers of a process, forked or not."""
    started = [c for c in process.children() if "LokyProcess" in command_of(c)]
    forked = []
    for server in servers_of(process):
        try:
            forked += server.children()
        except psutil.NoSuchProcess:
            continue
    return started + forked
